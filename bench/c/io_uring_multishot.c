/*
 * io_uring(7), multishot IORING_OP_RECV: one submission, and a completion for every frame, each in
 * a buffer that the kernel takes from a ring of buffers (IORING_REGISTER_PBUF_RING). Buffers are
 * returned after each batch of completions. When none is left the request ends (ENOBUFS, without
 * IORING_CQE_F_MORE), and is submitted again.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "receiver.h"
#include "ring.h"

enum { BUFFERS = 64, GROUP = 1 };

static struct ring ring;
static uint8_t buffers[BUFFERS][BUFFER_SIZE];
static struct io_uring_buf *provided; /* the ring of buffers; its tail lies in what its first entry leaves unused */
static uint16_t provided_tail;
static bool armed;

/* Returns a buffer; the kernel sees it when the tail is published. */
static void provide(unsigned int buffer)
{
	struct io_uring_buf *entry = &provided[provided_tail++ % BUFFERS];

	entry->addr = (uintptr_t)buffers[buffer];
	entry->len = BUFFER_SIZE;
	entry->bid = (uint16_t)buffer;
}

static void publish_provided(void)
{
	__atomic_store_n(&provided[0].resv, provided_tail, __ATOMIC_RELEASE); /* the entries before the tail */
}

static void open_multishot(int fd, const struct options *options)
{
	(void)options;
	ring = open_ring(fd, 1, 2 * BUFFERS); /* so there are places for the completions of all buffers, twice */
	provided = mmap(NULL, BUFFERS * sizeof(*provided), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (provided == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	struct io_uring_buf_reg registration = {
		.ring_addr = (uintptr_t)provided,
		.ring_entries = BUFFERS,
		.bgid = GROUP,
	};
	check(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PBUF_RING, &registration, 1),
	      "io_uring_register IORING_REGISTER_PBUF_RING");
	enable_ring(&ring);
	for (unsigned int i = 0; i < BUFFERS; i++)
		provide(i);
	publish_provided();
}

static void arm(void)
{
	queue(&ring, &(struct io_uring_sqe){
			     .opcode = IORING_OP_RECV,
			     .flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT,
			     .ioprio = IORING_RECV_MULTISHOT,
			     .fd = FIXED_SOCKET,
			     .msg_flags = MSG_TRUNC,
			     .buf_group = GROUP,
		     });
	submit(&ring, 1);
	armed = true;
}

static void take(int fd, struct tally *tally)
{
	(void)fd;
	for (;;) {
		uint32_t head = *ring.cq_head, tail; /* the head is written by us alone */

		if (!armed)
			arm();
		tail = completed(&ring);
		if (head == tail)
			return;
		for (; head != tail; head++) {
			const struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];

			if (!(cqe->flags & IORING_CQE_F_MORE))
				armed = false;
			if (cqe->flags & IORING_CQE_F_BUFFER) {
				unsigned int buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

				count_frame(tally, buffers[buffer], (size_t)cqe->res);
				provide(buffer);
			} else if (cqe->res != -ENOBUFS) {
				errx(EXIT_FAILURE, "IORING_OP_RECV: %s", strerror(-cqe->res));
			}
		}
		publish_provided();
		done_with(&ring, head);
	}
}

static void wait(int fd, int milliseconds)
{
	(void)fd;
	wait_for_completion(&ring, milliseconds);
}

const struct path io_uring_multishot_path = {
	.name = "io-uring-multishot",
	.open = open_multishot,
	.take = take,
	.wait = wait,
};
