/*
 * io_uring(7), IORING_OP_RECV: 64 requests, each linked to the next (IOSQE_IO_LINK), because frames
 * would otherwise come in any order. When all have completed they are submitted again, so a system
 * call returns up to 64 frames.
 */
#include "receiver.h"
#include "ring.h"

static struct ring ring;
static uint8_t buffers[BATCH][BUFFER_SIZE];
static unsigned int pending;

static void submit_chain(void)
{
	for (unsigned int i = 0; i < BATCH; i++)
		queue(&ring, &(struct io_uring_sqe){
				     .opcode = IORING_OP_RECV,
				     .flags = i + 1 < BATCH ? IOSQE_FIXED_FILE | IOSQE_IO_LINK : IOSQE_FIXED_FILE,
				     .fd = FIXED_SOCKET,
				     .addr = (uintptr_t)buffers[i],
				     .len = BUFFER_SIZE,
				     .msg_flags = MSG_TRUNC,
				     .user_data = i,
			     });
	submit(&ring, BATCH);
	pending = BATCH;
}

static void open_chain(int fd, const struct options *options)
{
	(void)options;
	ring = open_ring(fd, BATCH, BATCH);
	enable_ring(&ring);
}

static void take(int fd, struct tally *tally)
{
	(void)fd;
	for (;;) {
		uint32_t head = *ring.cq_head, tail; /* the head is written by us alone */

		if (pending == 0)
			submit_chain();
		tail = completed(&ring);
		if (head == tail)
			return;
		pending -= tail - head;
		for (; head != tail; head++) {
			const struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];

			if (cqe->res < 0)
				errx(EXIT_FAILURE, "IORING_OP_RECV: %s", strerror(-cqe->res));
			count_frame(tally, buffers[cqe->user_data], (size_t)cqe->res);
		}
		done_with(&ring, head);
	}
}

static void wait(int fd, int milliseconds)
{
	(void)fd;
	wait_for_completion(&ring, milliseconds);
}

const struct path io_uring_path = { .name = "io-uring", .open = open_chain, .take = take, .wait = wait };
