/*
 * Receives the generator's frames from a packet socket by one of five paths, and reports how many
 * came and what they cost.
 *
 *     receiver --path recvfrom|recvmmsg|tpacket-v3|io-uring|io-uring-multishot --interface NAME
 *              [--cpu CPU] [--rcvbuf BYTES] [--block-size BYTES] [--block-count N]
 *              [--retire-timeout MILLISECONDS]
 *
 * When the socket is bound it prints "ready". Then it waits up to 10 s for the first frame, and
 * receives until none has come for 300 ms. Processor time counts from "ready". The clock is read
 * only when there is nothing to receive, so it costs a frame nothing.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>

#include "receiver.h"

enum { WAIT_FOR_FIRST = 10000, WAIT_FOR_NEXT = 300 }; /* milliseconds */

static const struct path *const paths[] = {
	&recvfrom_path, &recvmmsg_path, &tpacket_v3_path, &io_uring_path, &io_uring_multishot_path,
};

static const struct path *path_named(const char *name)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (!strcmp(paths[i]->name, name))
			return paths[i];
	errx(2, "there is no --path %s", name);
}

void wait_by_poll(int fd, int milliseconds)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	if (poll(&readable, 1, milliseconds) < 0 && errno != EINTR)
		err(EXIT_FAILURE, "poll");
}

static long long microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

/* VmHWM, not ru_maxrss, which starts with the memory of the parent process. */
static long max_rss_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
			break;
	return kib;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "path", required_argument, NULL, 'p' },        { "interface", required_argument, NULL, 'i' },
		{ "cpu", required_argument, NULL, 'c' },         { "rcvbuf", required_argument, NULL, 'r' },
		{ "block-size", required_argument, NULL, 's' },  { "block-count", required_argument, NULL, 'n' },
		{ "retire-timeout", required_argument, NULL, 't' }, { 0 },
	};
	const struct path *path = &recvfrom_path;
	const char *interface = NULL;
	struct options options = { .block_size = 256 << 10, .block_count = 64, .retire_timeout = 8 };
	int rcvbuf = 8 << 20; /* the kernel doubles it */
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'p': path = path_named(optarg); break;
		case 'i': interface = optarg; break;
		case 'c': pin_to_cpu((int)number_argument(optarg, "cpu", 0, CPU_SETSIZE - 1)); break;
		case 'r': rcvbuf = (int)number_argument(optarg, "rcvbuf", 0, 1 << 30); break;
		case 's': options.block_size = (unsigned int)number_argument(optarg, "block-size", 4096, 1 << 30); break;
		case 'n': options.block_count = (unsigned int)number_argument(optarg, "block-count", 1, 1 << 20); break;
		case 't': options.retire_timeout = (unsigned int)number_argument(optarg, "retire-timeout", 0, 10000); break;
		default: return 2;
		}
	}

	int fd = (int)check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "socket");
	set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "setsockopt PACKET_IGNORE_OUTGOING");
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, rcvbuf, "setsockopt SO_RCVBUFFORCE");
	if (path->open)
		path->open(fd, &options);
	bind_packet_socket(fd, interface_index(interface), ETH_P_ALL);

	struct tally tally = { 0 };
	struct rusage before, after;

	puts("ready");
	fflush(stdout);
	getrusage(RUSAGE_SELF, &before);
	path->take(fd, &tally); /* has io_uring begin */

	double first = 0, last = 0, now = seconds_now(), deadline = now + WAIT_FOR_FIRST / 1e3;

	while (now < deadline) {
		uint64_t received = tally.received;
		double began;

		path->wait(fd, (int)((deadline - now) * 1e3) + 1);
		began = seconds_now();
		path->take(fd, &tally);
		now = seconds_now();
		if (tally.received == received)
			continue; /* time over, or a foreign frame */
		if (received == 0)
			first = began;
		last = now;
		deadline = now + WAIT_FOR_NEXT / 1e3;
	}
	getrusage(RUSAGE_SELF, &after);

	struct tpacket_stats_v3 statistics = { 0 };
	socklen_t length = sizeof(statistics); /* the kernel writes as much of it as the socket's version has */

	check(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length), "getsockopt PACKET_STATISTICS");
	printf("{\"received\": %llu, \"foreign\": %llu, \"disordered\": %llu, \"seconds\": %.6f, "
	       "\"user_us\": %lld, \"system_us\": %lld, \"tp_packets\": %u, \"tp_drops\": %u, \"max_rss_kib\": %ld}\n",
	       (unsigned long long)tally.received, (unsigned long long)tally.foreign, (unsigned long long)tally.disordered,
	       last - first, microseconds(after.ru_utime) - microseconds(before.ru_utime),
	       microseconds(after.ru_stime) - microseconds(before.ru_stime), statistics.tp_packets, statistics.tp_drops,
	       max_rss_kib());
	return 0;
}
