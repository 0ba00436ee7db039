/*
 * A receive path, and what every path does with a frame.
 */
#ifndef RECEIVER_H
#define RECEIVER_H

#include <stdbool.h>

#include "common.h"

enum { BATCH = 64, BUFFER_SIZE = 2048 };

struct options {
	unsigned int block_size, block_count, retire_timeout; /* of the ring; bytes, blocks, milliseconds */
};

struct tally {
	uint64_t received, foreign, disordered;
	uint32_t last;
};

struct path {
	const char *name;
	void (*open)(int fd, const struct options *options); /* before the bind; NULL if there is nothing to do */
	void (*take)(int fd, struct tally *tally);           /* all that is there, without waiting */
	void (*wait)(int fd, int milliseconds);              /* until something is there, or the time is over */
};

extern const struct path recvfrom_path, recvmmsg_path, tpacket_v3_path, io_uring_path, io_uring_multishot_path;

/* The work for each frame, the same on every path. */
static inline void count_frame(struct tally *tally, const uint8_t *frame, size_t length)
{
	uint16_t type;
	uint32_t sequence;

	if (length >= SEQUENCE_OFFSET + sizeof(sequence)) {
		memcpy(&type, frame + SEQUENCE_OFFSET - sizeof(type), sizeof(type));
		memcpy(&sequence, frame + SEQUENCE_OFFSET, sizeof(sequence));
		if (ntohs(type) == EXPERIMENTAL_ETHERTYPE) {
			sequence = ntohl(sequence);
			if (tally->received > 0 && sequence <= tally->last)
				tally->disordered++;
			tally->last = sequence;
			tally->received++;
			return;
		}
	}
	tally->foreign++;
}

void wait_by_poll(int fd, int milliseconds);

#endif
