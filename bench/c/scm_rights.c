/*
 * Measures an SCM_RIGHTS round trip: N descriptors are sent over a socketpair, received, checked
 * and closed.
 *
 *     scm_rights --descriptors N [--rounds N] [--cpu CPU]
 *
 * Both ends are in one process, so nothing waits. All N descriptors are duplicates of one of
 * /dev/null. Up to a thousand rounds run first and do not count.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "common.h"

enum { SCM_MAX_FD = 253 };

static int sent[SCM_MAX_FD], received[SCM_MAX_FD];

static union {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(sent))];
} outgoing, incoming;

static void send_descriptors(int fd, unsigned int count)
{
	char byte = 0;
	struct iovec piece = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &outgoing,
		.msg_controllen = CMSG_LEN(count * sizeof(int)),
	};
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(control), sent, count * sizeof(int));
	check(sendmsg(fd, &message, 0), "sendmsg");
}

/* The control buffer has room for N descriptors and no more: CMSG_LEN, since CMSG_SPACE rounds up. */
static void receive_descriptors(int fd, unsigned int count)
{
	char byte;
	struct iovec piece = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &incoming,
		.msg_controllen = CMSG_LEN(count * sizeof(int)),
	};

	if (check(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), "recvmsg") != 1)
		errx(EXIT_FAILURE, "recvmsg: not the one byte that was sent");

	const struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	if (message.msg_flags & MSG_CTRUNC)
		errx(EXIT_FAILURE, "recvmsg: MSG_CTRUNC");
	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS ||
	    control->cmsg_len != CMSG_LEN(count * sizeof(int)) || CMSG_NXTHDR(&message, (struct cmsghdr *)control))
		errx(EXIT_FAILURE, "recvmsg: not one SCM_RIGHTS message with %u descriptors", count);
	memcpy(received, CMSG_DATA(control), count * sizeof(int));
}

static void round_trip(const int pair[2], unsigned int count)
{
	send_descriptors(pair[0], count);
	receive_descriptors(pair[1], count);
	for (unsigned int i = 0; i < count; i++)
		check(close(received[i]), "close");
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "descriptors", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "cpu", required_argument, NULL, 'c' },
		{ 0 },
	};
	unsigned int count = 1, rounds = 100000;
	int pair[2], option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'n': count = (unsigned int)number_argument(optarg, "descriptors", 1, SCM_MAX_FD); break;
		case 'r': rounds = (unsigned int)number_argument(optarg, "rounds", 1, 1e9); break;
		case 'c': pin_to_cpu((int)number_argument(optarg, "cpu", 0, CPU_SETSIZE - 1)); break;
		default: return 2;
		}
	}

	sent[0] = (int)check(open("/dev/null", O_RDONLY | O_CLOEXEC), "open");
	for (unsigned int i = 1; i < count; i++)
		sent[i] = (int)check(fcntl(sent[0], F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD_CLOEXEC");
	check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair");

	for (unsigned int i = 0; i < rounds && i < 1000; i++)
		round_trip(pair, count);
	double start = seconds_now();
	for (unsigned int i = 0; i < rounds; i++)
		round_trip(pair, count);
	double elapsed = seconds_now() - start;

	printf("{\"descriptors\": %u, \"rounds\": %u, \"us_per_round\": %.3f}\n", count, rounds, elapsed * 1e6 / rounds);
	return 0;
}
