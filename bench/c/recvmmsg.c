/* recvmmsg(2): up to 64 frames a call, until none is left. */
#include "receiver.h"

static uint8_t buffers[BATCH][BUFFER_SIZE];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];

static void open_messages(int fd, const struct options *options)
{
	(void)fd;
	(void)options;
	for (unsigned int i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){ .iov_base = buffers[i], .iov_len = BUFFER_SIZE };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
	}
}

static void take(int fd, struct tally *tally)
{
	int count;

	while ((count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL)) > 0)
		for (int i = 0; i < count; i++)
			count_frame(tally, buffers[i], messages[i].msg_len);
	if (errno != EAGAIN && errno != EINTR)
		err(EXIT_FAILURE, "recvmmsg");
}

const struct path recvmmsg_path = { .name = "recvmmsg", .open = open_messages, .take = take, .wait = wait_by_poll };
