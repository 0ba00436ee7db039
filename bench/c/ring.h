/*
 * io_uring(7) without liburing: setup, submission, completion.
 */
#ifndef RING_H
#define RING_H

#include <linux/io_uring.h>

struct ring {
	int fd;
	uint32_t *sq_tail, sq_mask;
	uint32_t *cq_head, *cq_tail, cq_mask;
	struct io_uring_sqe *sqes;
	const struct io_uring_cqe *cqes;
};

enum { FIXED_SOCKET = 0 }; /* where the packet socket stands among the registered files */

/* Makes a ring, disabled, with the socket registered. */
struct ring open_ring(int socket_fd, unsigned int entries, unsigned int completions);

/* Restricts the ring to receiving from the socket, and enables it: then no registration works. */
void enable_ring(const struct ring *ring);

/* Adds a submission to the queue; the kernel sees it at the next submit. */
void queue(struct ring *ring, const struct io_uring_sqe *sqe);

/* Lets the kernel start a number of submissions. */
void submit(const struct ring *ring, unsigned int count);

/* Waits for a completion, or until the time is up. */
void wait_for_completion(const struct ring *ring, int milliseconds);

/* The completions from *cq_head up to this index can be read. */
static inline uint32_t completed(const struct ring *ring)
{
	return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
}

/* Returns the slots of the completions up to this index to the kernel. */
static inline void done_with(const struct ring *ring, uint32_t head)
{
	__atomic_store_n(ring->cq_head, head, __ATOMIC_RELEASE);
}

#endif
