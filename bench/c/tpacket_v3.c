/*
 * TPACKET_V3: a ring of blocks shared with the kernel, read in place.
 *
 * A block is ours from the moment the kernel sets TP_STATUS_USER (an acquire: its frames are read
 * after that) until we set TP_STATUS_KERNEL (a release: they have been read before that).
 */
#include <sys/mman.h>

#include "receiver.h"

enum { FRAME_SIZE = 2048 }; /* only its sum matters: with version 3 frames are as long as they are */

static struct {
	uint8_t *memory;
	size_t block_size;
	unsigned int block_count, next;
} ring;

static void open_ring(int fd, const struct options *options)
{
	struct tpacket_req3 shape = {
		.tp_block_size = options->block_size,
		.tp_block_nr = options->block_count,
		.tp_frame_size = FRAME_SIZE,
		.tp_frame_nr = options->block_size / FRAME_SIZE * options->block_count,
		.tp_retire_blk_tov = options->retire_timeout,
	};

	set_option(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3, "setsockopt PACKET_VERSION");
	check(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &shape, sizeof(shape)), "setsockopt PACKET_RX_RING");
	ring.block_size = options->block_size;
	ring.block_count = options->block_count;
	ring.memory =
		mmap(NULL, ring.block_size * ring.block_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (ring.memory == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
}

static void take(int fd, struct tally *tally)
{
	(void)fd;
	for (;;) {
		uint8_t *block = ring.memory + ring.next * ring.block_size;
		struct tpacket_hdr_v1 *header = &((struct tpacket_block_desc *)block)->hdr.bh1;
		const uint8_t *frame = block + header->offset_to_first_pkt;

		if (!(__atomic_load_n(&header->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		for (uint32_t i = 0; i < header->num_pkts; i++) {
			const struct tpacket3_hdr *packet = (const struct tpacket3_hdr *)frame;

			count_frame(tally, frame + packet->tp_mac, packet->tp_snaplen);
			frame += packet->tp_next_offset;
		}
		__atomic_store_n(&header->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		ring.next = (ring.next + 1) % ring.block_count;
	}
}

const struct path tpacket_v3_path = { .name = "tpacket-v3", .open = open_ring, .take = take, .wait = wait_by_poll };
