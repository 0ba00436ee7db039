/*
 * Shared by the C programs of this folder: errors, time, pinning to a processor, and the layout of
 * the generator's frames.
 */
#ifndef COMMON_H
#define COMMON_H

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/*
 * A frame: destination, source, EtherType, sequence number (32 bits, big-endian), filler. The
 * EtherType is the first of the two that IEEE 802 reserves for local experiments, so no other
 * frame on the link has it.
 */
enum {
	EXPERIMENTAL_ETHERTYPE = 0x88b5,
	SEQUENCE_OFFSET = ETH_HLEN,
	SMALLEST_FRAME = ETH_ZLEN,
	LARGEST_FRAME = ETH_FRAME_LEN,
};

/* Ends the program with the operation and its errno if the result is a failure. */
static inline long check(long result, const char *operation)
{
	if (result < 0)
		err(EXIT_FAILURE, "%s", operation);
	return result;
}

static inline double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static inline double number_argument(const char *text, const char *name, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min && value <= max))
		errx(2, "--%s is %s; it must be a number from %.0f to %.0f", name, text, min, max);
	return value;
}

static inline void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

static inline unsigned int interface_index(const char *name)
{
	unsigned int index = name ? if_nametoindex(name) : 0;

	if (index == 0)
		err(EXIT_FAILURE, "if_nametoindex: --interface %s", name ? name : "is missing");
	return index;
}

static inline void set_option(int fd, int level, int name, int value, const char *operation)
{
	check(setsockopt(fd, level, name, &value, sizeof(value)), operation);
}

static inline void bind_packet_socket(int fd, unsigned int ifindex, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)ifindex,
	};

	check(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
}

#endif
