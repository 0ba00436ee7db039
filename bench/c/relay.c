/*
 * A relay in C to compare ours with: reads datagrams from a TPACKET_V3 ring, checks them, and sends
 * them by a connected socket.
 *
 *     relay --interface NAME --out NAME --from-group ADDRESS --from-port N
 *           --to-group ADDRESS --to-port N
 *
 * It checks what DatagramReader in lib/packets checks, reports what bench/relay_worker.ts reports,
 * and has no protection.
 */
#include <getopt.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common.h"

enum {
	BLOCK_SIZE = 1 << 18, /* as WORKER_RING in lib/receive/tpacket_v3.ts */
	BLOCK_COUNT = 64,
	RETIRE_TIMEOUT = 8,
	FRAME_SIZE = 2048,
	WAIT_FOR_FIRST = 10000, /* milliseconds */
	WAIT_FOR_NEXT = 300,
};

static struct {
	uint64_t received, relayed, dropped, refused;
} account;

/* The sum of 16-bit words in ones' complement: 0xffff if they include a correct checksum. */
static uint32_t sum_of(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (; size > 1; bytes += 2, size -= 2)
		sum += (uint32_t)(bytes[0] << 8 | bytes[1]);
	if (size)
		sum += (uint32_t)bytes[0] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The payload of a datagram to that group and port, and its length; NULL for any other frame. */
static const uint8_t *payload_of(const uint8_t *frame, size_t captured, const struct sockaddr_in *from, size_t *size)
{
	const uint8_t *packet = frame + ETH_HLEN;
	struct iphdr ip;
	struct udphdr udp;

	if (captured < ETH_HLEN + sizeof(ip) || frame[12] != 0x08 || frame[13] != 0)
		return NULL;
	memcpy(&ip, packet, sizeof(ip));
	size_t header_size = ip.ihl * 4u, packet_size = ntohs(ip.tot_len), room = captured - ETH_HLEN;

	if (ip.version != 4 || header_size < sizeof(ip) || room < header_size || packet_size < header_size || room < packet_size)
		return NULL;
	if (sum_of(packet, header_size, 0) != 0xffff)
		return NULL;
	if (ip.daddr != from->sin_addr.s_addr || ip.protocol != IPPROTO_UDP || (ntohs(ip.frag_off) & (IP_MF | IP_OFFMASK)))
		return NULL;
	if (packet_size - header_size < sizeof(udp))
		return NULL;
	memcpy(&udp, packet + header_size, sizeof(udp));
	size_t datagram_size = ntohs(udp.len);

	if (datagram_size < sizeof(udp) || datagram_size > packet_size - header_size || udp.dest != from->sin_port)
		return NULL;
	if (udp.check != 0 && sum_of(packet + header_size, datagram_size,
				     sum_of(packet + offsetof(struct iphdr, saddr), 8, (uint32_t)(IPPROTO_UDP + datagram_size))) != 0xffff)
		return NULL;
	*size = datagram_size - sizeof(udp);
	return packet + header_size + sizeof(udp);
}

static void deal(int egress, const uint8_t *frame, size_t captured, const struct sockaddr_in *from)
{
	size_t size;
	const uint8_t *payload = payload_of(frame, captured, from, &size);

	account.received++;
	if (payload == NULL)
		account.dropped++;
	else if (send(egress, payload, size, MSG_DONTWAIT) >= 0)
		account.relayed++;
	else
		account.refused++;
}

/* Relays everything in the ring. */
static void turn(uint8_t *ring, int egress, const struct sockaddr_in *from)
{
	static unsigned int next;

	for (;;) {
		uint8_t *block = ring + (size_t)next * BLOCK_SIZE;
		struct tpacket_hdr_v1 *header = &((struct tpacket_block_desc *)block)->hdr.bh1;
		const uint8_t *frame = block + header->offset_to_first_pkt;

		if (!(__atomic_load_n(&header->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		for (uint32_t i = 0; i < header->num_pkts; i++) {
			const struct tpacket3_hdr *packet = (const struct tpacket3_hdr *)frame;

			deal(egress, frame + packet->tp_mac, packet->tp_snaplen, from);
			frame += packet->tp_next_offset;
		}
		__atomic_store_n(&header->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		next = (next + 1) % BLOCK_COUNT;
	}
}

static uint8_t *open_ring(int fd)
{
	struct tpacket_req3 shape = {
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = BLOCK_COUNT,
		.tp_frame_size = FRAME_SIZE,
		.tp_frame_nr = BLOCK_SIZE / FRAME_SIZE * BLOCK_COUNT,
		.tp_retire_blk_tov = RETIRE_TIMEOUT,
	};
	uint8_t *memory;

	set_option(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3, "setsockopt PACKET_VERSION");
	check(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &shape, sizeof(shape)), "setsockopt PACKET_RX_RING");
	memory = mmap(NULL, (size_t)BLOCK_SIZE * BLOCK_COUNT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	return memory;
}

static int open_egress(const char *interface, const struct sockaddr_in *to)
{
	struct ip_mreqn output = { .imr_ifindex = (int)interface_index(interface) };
	int fd = (int)check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

	check(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)), "setsockopt SO_BINDTODEVICE");
	check(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &output, sizeof(output)), "setsockopt IP_MULTICAST_IF");
	set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1, "setsockopt IP_MULTICAST_TTL");
	set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0, "setsockopt IP_MULTICAST_LOOP");
	set_option(fd, IPPROTO_IP, IP_RECVERR, 1, "setsockopt IP_RECVERR");
	check(connect(fd, (const struct sockaddr *)to, sizeof(*to)), "connect");
	return fd;
}

static double cpu_time(void)
{
	struct rusage usage;

	check(getrusage(RUSAGE_SELF, &usage), "getrusage");
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void set_group(const char *text, struct sockaddr_in *address)
{
	if (inet_pton(AF_INET, text, &address->sin_addr) != 1)
		errx(2, "%s is no IPv4 address", text);
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "interface", required_argument, NULL, 'i' },	{ "out", required_argument, NULL, 'o' },
		{ "from-group", required_argument, NULL, 'g' }, { "from-port", required_argument, NULL, 'p' },
		{ "to-group", required_argument, NULL, 'G' },	{ "to-port", required_argument, NULL, 'P' },
		{ 0 },
	};
	struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
	const char *interface = NULL, *out = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'i': interface = optarg; break;
		case 'o': out = optarg; break;
		case 'g': set_group(optarg, &from); break;
		case 'p': from.sin_port = htons((uint16_t)number_argument(optarg, "from-port", 1, UINT16_MAX)); break;
		case 'G': set_group(optarg, &to); break;
		case 'P': to.sin_port = htons((uint16_t)number_argument(optarg, "to-port", 1, UINT16_MAX)); break;
		default: return 2;
		}
	}

	struct tpacket_stats_v3 statistics;
	socklen_t size = sizeof(statistics);
	int fd = (int)check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "socket");
	int egress = open_egress(out, &to);
	uint8_t *ring = open_ring(fd);
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "setsockopt PACKET_IGNORE_OUTGOING");
	bind_packet_socket(fd, interface_index(interface), ETH_P_ALL);
	puts("ready");
	fflush(stdout);

	double cpu = cpu_time(), first = 0, last = 0, now = seconds_now(), deadline = now + WAIT_FOR_FIRST / 1e3;

	while (now < deadline) {
		uint64_t before = account.relayed;

		poll(&readable, 1, (int)((deadline - now) * 1e3) + 1);
		double began = seconds_now();

		turn(ring, egress, &from);
		now = seconds_now();
		if (account.relayed == before)
			continue;
		if (before == 0)
			first = began;
		last = now;
		deadline = now + WAIT_FOR_NEXT / 1e3;
	}
	cpu = cpu_time() - cpu;
	check(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size), "getsockopt PACKET_STATISTICS");
	printf("{\"received\": %llu, \"relayed\": %llu, \"dropped\": {\"all\": %llu}, \"refused\": %llu, \"tp_packets\": %u, "
	       "\"tp_drops\": %u, \"seconds\": %.6f, \"cpu_us\": %.0f}\n",
	       (unsigned long long)account.received, (unsigned long long)account.relayed, (unsigned long long)account.dropped,
	       (unsigned long long)account.refused, statistics.tp_packets, statistics.tp_drops, last - first, cpu * 1e6);
	return 0;
}
