/**
 * fuzz_client.c - replies to a tool's client, as a hostile server would send them
 *
 * All bytes come at once after the log-in, then the connection ends. Whatever they are,
 * the client ends with an error and no reply is read beyond its block.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "medcore/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int listener = -1;
static struct {
	const uint8_t *data;
	size_t size;
} answer;

static void *serve(void *unused)
{
	static const char hello[] = "+OK\r\n+PONG\r\n";
	char junk[4096];
	int fd = accept(listener, NULL, NULL);

	if(fd < 0)
		return unused;
	/* AUTH and PING, then the two commands: they have come when all is read */
	if(recv(fd, junk, sizeof junk, 0) > 0
			&& send(fd, hello, sizeof hello - 1, MSG_NOSIGNAL) > 0
			&& recv(fd, junk, sizeof junk, 0) > 0 && answer.size)
		(void)send(fd, answer.data, answer.size, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while(recv(fd, junk, sizeof junk, 0) > 0)
		continue;
	close(fd);
	return unused;
}

/** Every byte of it, so that a sanitizer sees each. */
static size_t walk(const med_reply_t *reply)
{
	size_t sum = (size_t)reply->type + (size_t)reply->integer;

	for(size_t i = 0; i <= reply->str.len && reply->str.s; i++)
		sum += (unsigned char)reply->str.s[i];
	for(size_t i = 0; i < reply->count; i++)
		sum += walk(&reply->element[i]);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[100], url[200];
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	med_str_t read[] = {MED_STR("XREAD"), MED_STR("STREAMS"), MED_STR("s"), MED_STR("0")};
	med_client_t *client = NULL;
	med_reply_t *reply;
	med_errbuf_t err = {""};
	pthread_t thread;
	int rc = MED_EOK;

	if(listener < 0) {
		snprintf(path, sizeof path, "/tmp/med-fuzz-client-%d.sock", (int)getpid());
		snprintf(url, sizeof url, "unix://%s?password=sesame-open", path);
		memcpy(sun.sun_path, path, sizeof path);
		unlink(path);
		listener = socket(AF_UNIX, SOCK_STREAM, 0);
		if(bind(listener, (struct sockaddr *)&sun, sizeof sun) || listen(listener, 5))
			abort();
	}
	answer.data = data;
	answer.size = size;
	if(pthread_create(&thread, NULL, serve, NULL))
		abort();
	if(med_client_open(url, 2000, &client, &err) != MED_EOK)
		abort();
	for(int i = 0; i < 3; i++)
		(void)med_client_send(client, 4, read);
	for(int i = 0; i < 4 && rc == MED_EOK; i++) {
		rc = med_client_reply(client, &reply, &err);
		if(rc == MED_EOK) {
			if(walk(reply) == SIZE_MAX)
				abort();
			med_reply_free(reply);
		}
	}
	if(rc == MED_EOK || rc == -ETIMEDOUT || strstr(err.text, "sesame-open"))
		abort();
	med_client_close(client);
	pthread_join(thread, NULL);
	return 0;
}
