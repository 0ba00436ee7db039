/*
 * io_uring(7) without liburing: setup, submission, completion. As in
 * lib/receive/restricted_ring.ts, the queues are in our own memory, and the ring can only receive
 * from one registered socket.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "ring.h"

/* Since Linux 6.5; older headers lack the flag and the field, the last of both offset tables. */
#ifndef IORING_SETUP_NO_MMAP
#define IORING_SETUP_NO_MMAP (1U << 14)
#endif
#define USER_ADDR(offsets) (((uint64_t *)(&(offsets) + 1))[-1])

enum { QUEUES_HEAD = 512 }; /* what the head of both queues takes at most: struct io_rings */

static void *pages(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	return memory;
}

struct ring open_ring(int socket_fd, unsigned int entries, unsigned int completions)
{
	uint8_t *queues =
		pages(QUEUES_HEAD + completions * sizeof(struct io_uring_cqe) + entries * sizeof(uint32_t));
	struct io_uring_sqe *sqes = pages(entries * sizeof(*sqes));
	struct io_uring_params params = {
		.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_NO_MMAP,
		.cq_entries = completions,
	};

	USER_ADDR(params.cq_off) = (uintptr_t)queues;
	USER_ADDR(params.sq_off) = (uintptr_t)sqes;

	int fd = (int)check(syscall(SYS_io_uring_setup, entries, &params), "io_uring_setup");
	uint32_t *sq_array = (uint32_t *)(queues + params.sq_off.array);

	for (uint32_t i = 0; i < entries; i++)
		sq_array[i] = i; /* place i of the queue is entry i */
	check(syscall(SYS_io_uring_register, fd, IORING_REGISTER_FILES, &socket_fd, 1),
	      "io_uring_register IORING_REGISTER_FILES");
	return (struct ring){
		.fd = fd,
		.sq_tail = (uint32_t *)(queues + params.sq_off.tail),
		.sq_mask = params.sq_entries - 1,
		.cq_head = (uint32_t *)(queues + params.cq_off.head),
		.cq_tail = (uint32_t *)(queues + params.cq_off.tail),
		.cq_mask = params.cq_entries - 1,
		.sqes = sqes,
		.cqes = (struct io_uring_cqe *)(queues + params.cq_off.cqes),
	};
}

void enable_ring(const struct ring *ring)
{
	static const struct io_uring_restriction restrictions[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_RECV },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
		  .sqe_flags = IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_BUFFER_SELECT },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_SYNC_CANCEL },
	};

	check(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_RESTRICTIONS, restrictions,
		      sizeof(restrictions) / sizeof(*restrictions)),
	      "io_uring_register IORING_REGISTER_RESTRICTIONS");
	check(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0),
	      "io_uring_register IORING_REGISTER_ENABLE_RINGS");
}

void queue(struct ring *ring, const struct io_uring_sqe *sqe)
{
	uint32_t tail = *ring->sq_tail; /* written by us alone */

	ring->sqes[tail & ring->sq_mask] = *sqe;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE); /* the entry before the tail */
}

void submit(const struct ring *ring, unsigned int count)
{
	long taken;

	while (count > 0) {
		taken = syscall(SYS_io_uring_enter, ring->fd, count, 0, IORING_ENTER_GETEVENTS, NULL, 0);
		if (taken < 0 && errno != EINTR)
			err(EXIT_FAILURE, "io_uring_enter");
		if (taken > 0)
			count -= (unsigned int)taken;
	}
}

void wait_for_completion(const struct ring *ring, int milliseconds)
{
	struct { int64_t tv_sec; long long tv_nsec; } timeout = { milliseconds / 1000, milliseconds % 1000 * 1000000LL };
	struct io_uring_getevents_arg argument = { .ts = (uintptr_t)&timeout };
	unsigned int flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;

	if (syscall(SYS_io_uring_enter, ring->fd, 0, 1, flags, &argument, sizeof(argument)) < 0 && errno != ETIME &&
	    errno != EINTR)
		err(EXIT_FAILURE, "io_uring_enter");
}
