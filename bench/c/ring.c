/*
 * io_uring(7) without liburing: setup, submission, completion.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "ring.h"

struct ring open_ring(unsigned int entries)
{
	struct io_uring_params params = { 0 };
	int fd = (int)check(syscall(SYS_io_uring_setup, entries, &params), "io_uring_setup");
	size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
	size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	size_t size = sq_size > cq_size ? sq_size : cq_size; /* both in one mapping: IORING_FEAT_SINGLE_MMAP, Linux 5.4 */
	uint8_t *queues = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
					 MAP_SHARED, fd, IORING_OFF_SQES);

	if (queues == MAP_FAILED || sqes == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	return (struct ring){
		.fd = fd,
		.sq_tail = (uint32_t *)(queues + params.sq_off.tail),
		.sq_array = (uint32_t *)(queues + params.sq_off.array),
		.sq_mask = params.sq_entries - 1,
		.cq_head = (uint32_t *)(queues + params.cq_off.head),
		.cq_tail = (uint32_t *)(queues + params.cq_off.tail),
		.cq_mask = params.cq_entries - 1,
		.sqes = sqes,
		.cqes = (struct io_uring_cqe *)(queues + params.cq_off.cqes),
	};
}

void queue(struct ring *ring, const struct io_uring_sqe *sqe)
{
	uint32_t tail = *ring->sq_tail; /* written by us alone */
	uint32_t index = tail & ring->sq_mask;

	ring->sqes[index] = *sqe;
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE); /* the entry before the tail */
}

void submit(const struct ring *ring, unsigned int count)
{
	long taken;

	while (count > 0) {
		taken = syscall(SYS_io_uring_enter, ring->fd, count, 0, 0, NULL, 0);
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
