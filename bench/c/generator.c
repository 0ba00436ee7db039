/*
 * Sends numbered Ethernet frames from one interface, as fast as possible or at a rate, and reports
 * how many the kernel accepted.
 *
 *     generator --interface NAME [--count N] [--seconds S] [--size BYTES]
 *               [--rate FRAMES_PER_SECOND] [--cpu CPU] [--group ADDRESS --port N]
 *
 * With --group a frame is a UDP datagram over IPv4 to that group and port, with its checksums.
 *
 * Frames are written into a TX ring (PACKET_TX_RING) and leave in bursts of one send(2) each,
 * without a queueing discipline (PACKET_QDISC_BYPASS). This sends a third more than sendmmsg(2). At
 * a rate, a burst is what is due in 50 microseconds, and the program waits for the next one in a
 * busy loop.
 *
 * On a veth pair the sender's processor also does the work of receiving, up to the receiver's
 * queue. Under RPS another processor does. When its backlog is full the frame is refused (ENOBUFS),
 * stays in the ring and is tried again, so "sent" is what arrived.
 */
#include <getopt.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common.h"

enum {
	BURST = 64,
	RING_FRAMES = 4096, /* more than a backlog holds (net.core.netdev_max_backlog is 1000, twice) */
	BLOCK_SIZE = 1 << 16,
	DATA_OFFSET = TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), /* packet_mmap: where a frame to be sent starts */
};
static const double BURSTS_PER_SECOND = 20000;

struct tx_ring {
	int fd;
	uint8_t *memory;
	size_t frame_size;
	unsigned int next;
	size_t sequence_offset; /* where a frame's number is */
	int is_complemented;    /* whether what complements it follows */
};

/* The destination of datagrams; .s_addr is 0 for frames that are not datagrams. */
struct destination {
	struct in_addr group;
	uint16_t port;
};

static struct tpacket2_hdr *ring_frame(const struct tx_ring *ring, unsigned int index)
{
	return (struct tpacket2_hdr *)(ring->memory + index % RING_FRAMES * ring->frame_size);
}

static uint8_t *frame_data(struct tpacket2_hdr *slot)
{
	return (uint8_t *)slot + DATA_OFFSET + sizeof(struct virtio_net_hdr);
}

static void source_address(int fd, const char *interface, uint8_t address[ETH_ALEN])
{
	struct ifreq request = { 0 };

	strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
	check(ioctl(fd, SIOCGIFHWADDR, &request), "ioctl SIOCGIFHWADDR");
	memcpy(address, request.ifr_hwaddr.sa_data, ETH_ALEN);
}

/*
 * Writes a frame except its number. The virtio header before it declares all of it as header,
 * which makes the kernel copy it. Otherwise the receiver would get this very memory, which is
 * overwritten as soon as the frame is in its queue.
 */
static void fill_frame(struct tpacket2_hdr *slot, size_t size, const uint8_t source[ETH_ALEN])
{
	struct virtio_net_hdr virtio = { .hdr_len = (uint16_t)size };
	struct ethhdr ethernet = {
		.h_dest = { 0x01, 0x00, 0x5e, 0x7f, 0x00, 0x01 },
		.h_proto = htons(EXPERIMENTAL_ETHERTYPE),
	};
	uint8_t *data = frame_data(slot);

	slot->tp_len = (uint32_t)(sizeof(virtio) + size);
	memcpy(data - sizeof(virtio), &virtio, sizeof(virtio));
	memcpy(ethernet.h_source, source, ETH_ALEN);
	memcpy(data, &ethernet, sizeof(ethernet));
	for (size_t i = sizeof(ethernet); i < size; i++)
		data[i] = (uint8_t)i;
}

/* The Internet checksum (RFC 1071) of some bytes, continued from an earlier sum. */
static uint16_t checksum(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/*
 * Turns a filled frame into a datagram. Its payload begins with the frame's number and the
 * complement of that, so its checksum does not depend on the number.
 */
static void fill_datagram(uint8_t *data, size_t size, const struct destination *to)
{
	uint16_t packet_size = (uint16_t)(size - ETH_HLEN), datagram_size = (uint16_t)(packet_size - sizeof(struct iphdr));
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(struct iphdr) / 4,
		.tot_len = htons(packet_size),
		.frag_off = htons(IP_DF),
		.ttl = 1,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(0xc0000201), /* 192.0.2.1, RFC 5737 */
		.daddr = to->group.s_addr,
	};
	struct udphdr udp = { .source = htons(to->port), .dest = htons(to->port), .len = htons(datagram_size) };
	uint8_t *packet = data + ETH_HLEN, *datagram = packet + sizeof(ip);
	uint32_t group = ntohl(to->group.s_addr);
	uint8_t address[ETH_ALEN] = { 0x01, 0x00, 0x5e, group >> 16 & 0x7f, group >> 8 & 0xff, group & 0xff };

	memcpy(data, address, sizeof(address));
	memcpy(data + 2 * ETH_ALEN, (uint8_t[]){ ETH_P_IP >> 8, ETH_P_IP & 0xff }, 2);
	memcpy(packet, &ip, sizeof(ip));
	ip.check = htons(checksum(packet, sizeof(ip), 0));
	memcpy(packet, &ip, sizeof(ip));
	memcpy(datagram, &udp, sizeof(udp));
	memset(datagram + sizeof(udp), 0, 4);
	memset(datagram + sizeof(udp) + 4, 0xff, 4);
	udp.check = htons(checksum(datagram, datagram_size,
				   (uint32_t)(uint16_t)~checksum((uint8_t *)&ip.saddr, 8, 0) + IPPROTO_UDP + datagram_size));
	memcpy(datagram, &udp, sizeof(udp));
}

static struct tx_ring open_ring(const char *interface, size_t size, const struct destination *to)
{
	struct tx_ring ring = { .frame_size = 128, .sequence_offset = SEQUENCE_OFFSET };
	uint8_t source[ETH_ALEN];

	ring.fd = (int)check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "socket");
	while (ring.frame_size < DATA_OFFSET + sizeof(struct virtio_net_hdr) + size)
		ring.frame_size *= 2; /* a power of two, so that no frame lies across two blocks */
	struct tpacket_req shape = {
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = (unsigned int)(ring.frame_size * RING_FRAMES / BLOCK_SIZE),
		.tp_frame_size = (unsigned int)ring.frame_size,
		.tp_frame_nr = RING_FRAMES,
	};
	set_option(ring.fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2, "setsockopt PACKET_VERSION");
	set_option(ring.fd, SOL_PACKET, PACKET_VNET_HDR, 1, "setsockopt PACKET_VNET_HDR");
	set_option(ring.fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1, "setsockopt PACKET_QDISC_BYPASS");
	set_option(ring.fd, SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20, "setsockopt SO_SNDBUFFORCE");
	check(setsockopt(ring.fd, SOL_PACKET, PACKET_TX_RING, &shape, sizeof(shape)), "setsockopt PACKET_TX_RING");
	ring.memory = mmap(NULL, ring.frame_size * RING_FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0);
	if (ring.memory == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	bind_packet_socket(ring.fd, interface_index(interface), 0); /* protocol 0: it receives nothing */
	source_address(ring.fd, interface, source);
	for (unsigned int i = 0; i < RING_FRAMES; i++)
		fill_frame(ring_frame(&ring, i), size, source);
	if (to->group.s_addr != 0) {
		for (unsigned int i = 0; i < RING_FRAMES; i++)
			fill_datagram(frame_data(ring_frame(&ring, i)), size, to);
		ring.sequence_offset = ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr);
		ring.is_complemented = 1;
	}
	return ring;
}

/* Writes the next frame into the ring as soon as its slot is free. */
static void put_frame(struct tx_ring *ring, uint32_t sequence)
{
	struct tpacket2_hdr *slot = ring_frame(ring, ring->next++);
	uint32_t bytes[2] = { htonl(sequence), ~htonl(sequence) };

	while (__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE)
		; /* it waits in a backlog */
	memcpy(frame_data(slot) + ring->sequence_offset, bytes, sizeof(bytes[0]) * (ring->is_complemented ? 2 : 1));
	__atomic_store_n(&slot->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
}

/* Lets the kernel send everything in the ring; returns how often it refused. */
static uint64_t send_ring(const struct tx_ring *ring)
{
	const struct tpacket2_hdr *last = ring_frame(ring, ring->next - 1);
	uint64_t refused = 0;

	do {
		if (send(ring->fd, NULL, 0, MSG_DONTWAIT) >= 0)
			continue;
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			err(EXIT_FAILURE, "send");
		refused++;
	} while (__atomic_load_n(&last->tp_status, __ATOMIC_ACQUIRE) == TP_STATUS_SEND_REQUEST);
	return refused;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "interface", required_argument, NULL, 'i' }, { "count", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },   { "size", required_argument, NULL, 's' },
		{ "rate", required_argument, NULL, 'r' },      { "cpu", required_argument, NULL, 'c' },
		{ "group", required_argument, NULL, 'g' },     { "port", required_argument, NULL, 'p' },
		{ 0 },
	};
	const char *interface = NULL;
	uint64_t count = UINT32_MAX;
	double limit = 3600, rate = 0;
	size_t size = 64;
	struct destination to = { .port = 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'i': interface = optarg; break;
		case 'n': count = (uint64_t)number_argument(optarg, "count", 1, UINT32_MAX); break;
		case 't': limit = number_argument(optarg, "seconds", 0, 3600); break;
		case 's': size = (size_t)number_argument(optarg, "size", SMALLEST_FRAME, LARGEST_FRAME); break;
		case 'r': rate = number_argument(optarg, "rate", 1, 1e9); break;
		case 'c': pin_to_cpu((int)number_argument(optarg, "cpu", 0, CPU_SETSIZE - 1)); break;
		case 'p': to.port = (uint16_t)number_argument(optarg, "port", 1, UINT16_MAX); break;
		case 'g':
			if (inet_pton(AF_INET, optarg, &to.group) != 1)
				errx(2, "--group is %s; it must be an IPv4 address", optarg);
			break;
		default: return 2;
		}
	}

	struct tx_ring ring = open_ring(interface, size, &to);
	uint64_t burst = BURST;

	if (rate > 0 && rate / BURSTS_PER_SECOND < BURST)
		burst = rate > BURSTS_PER_SECOND ? (uint64_t)(rate / BURSTS_PER_SECOND) : 1;

	uint64_t sent = 0, refused = 0;
	double start = seconds_now(), elapsed = 0;

	while (sent < count && elapsed < limit) {
		uint64_t end = sent + burst < count ? sent + burst : count;

		do
			elapsed = seconds_now() - start;
		while (rate > 0 && elapsed * rate < (double)sent); /* not due yet */
		while (sent < end)
			put_frame(&ring, (uint32_t)sent++);
		refused += send_ring(&ring);
	}
	elapsed = seconds_now() - start;
	printf("{\"sent\": %llu, \"refused\": %llu, \"seconds\": %.6f, \"pps\": %.0f}\n", (unsigned long long)sent,
	       (unsigned long long)refused, elapsed, sent / elapsed);
	return 0;
}
