/* recvfrom(2): one frame a call, until none is left. */
#include "receiver.h"

static void take(int fd, struct tally *tally)
{
	static uint8_t buffer[BUFFER_SIZE];
	ssize_t length;

	while ((length = recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC, NULL, NULL)) >= 0)
		count_frame(tally, buffer, (size_t)length);
	if (errno != EAGAIN && errno != EINTR)
		err(EXIT_FAILURE, "recvfrom");
}

const struct path recvfrom_path = { .name = "recvfrom", .take = take, .wait = wait_by_poll };
