/**
 * bench_ng_storm.c - calls against an ng port: offer, answer, delete
 *
 * Half the calls go from an SRTP leg to a plain one, half the other way. Every reply is
 * checked: what is not the SDP it should be ends the run.
 *
 *   bench_ng_storm <port> <calls> native|keyed [<clients>]
 *
 * `keyed` says what the legs are (for the policy listener), `native` gives rtpengine the
 * flags that the listener would make of that. The calls are shared among <clients>
 * processes (1 unless told), as among Kamailio's workers: each has one command under way.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SUITE "AES_CM_128_HMAC_SHA1_80"
#define TIMEOUT_MS 2000

/* As an IP-PBX offers audio: its usual codecs. */
#define SDP(port, profile)                                                               \
	"v=0\r\no=- 1530221 1530222 IN IP4 127.0.0.1\r\ns=session\r\n"                       \
	"c=IN IP4 127.0.0.1\r\nb=CT:1000\r\nt=0 0\r\n"                                       \
	"m=audio " port " " profile " 9 8 0 18 111 13 101\r\na=rtpmap:9 G722/8000\r\n"       \
	"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\n"          \
	"a=fmtp:18 annexb=no\r\na=rtpmap:111 opus/48000/2\r\n"                               \
	"a=fmtp:111 useinbandfec=1\r\na=rtpmap:13 CN/8000\r\n"                               \
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"             \
	"a=maxptime:150\r\na=sendrecv\r\n"
#define PLAIN_SDP(port) SDP(port, "RTP/AVP")
#define SECURE_SDP(port) SDP(port, "RTP/SAVP") "a=crypto:1 " SUITE " inline:" KEY "\r\n"

/* What rtpengine is told where the other leg is to read SRTP; as policy.c writes it. */
#define NATIVE "7:replacel6:origin18:session-connectione3:ICE6:remove"
#define NATIVE_SRTP                                                                      \
	NATIVE "18:transport-protocol8:RTP/SAVP4:DTLS3:off"                                  \
		   "4:SDESl19:no-AEAD_AES_256_GCM19:no-AEAD_AES_128_GCM"                         \
		   "26:no-AES_256_CM_HMAC_SHA1_8026:no-AES_256_CM_HMAC_SHA1_32"                  \
		   "26:no-AES_192_CM_HMAC_SHA1_8026:no-AES_192_CM_HMAC_SHA1_32"                  \
		   "26:no-AES_CM_128_HMAC_SHA1_3222:no-F8_128_HMAC_SHA1_80"                      \
		   "22:no-F8_128_HMAC_SHA1_3220:no-NULL_HMAC_SHA1_8020:no-NULL_HMAC_SHA1_32e"
#define NATIVE_RTP NATIVE "18:transport-protocol7:RTP/AVP"
#define NATIVE_ACCEPT NATIVE "5:OSRTPl6:accepte"
#define KEYS_FROM_SRTP "8:med-from13:pbx1/required6:med-to17:gw1/not_supported"
#define KEYS_TO_SRTP "8:med-from17:gw1/not_supported6:med-to13:pbx1/required"

static const struct leg_pair {
	const char *offer, *answer;                   /* SDPs */
	const char *offer_flags[2], *answer_flags[2]; /* native, keyed */
	const char *offer_reads, *answer_reads;
} pairs[2] = {
		{SECURE_SDP("4000"), PLAIN_SDP("4002"), {NATIVE_RTP, KEYS_FROM_SRTP},
				{NATIVE_ACCEPT, KEYS_TO_SRTP}, " RTP/AVP ", " RTP/SAVP "},
		{PLAIN_SDP("4000"), SECURE_SDP("4002"), {NATIVE_SRTP, KEYS_TO_SRTP},
				{NATIVE, KEYS_FROM_SRTP}, " RTP/SAVP ", " RTP/AVP "},
};

static int sock;
static unsigned long sent;

static void fail(const char *what, const char *reply)
{
	fprintf(stderr, "bench_ng_storm: %s: %s\n", what, reply);
	exit(1);
}

static void command(const char *word, unsigned long call, const char *flags,
		const char *sdp, const char *reads)
{
	static char text[16384], reply[65536];
	const char *number;
	struct pollfd ready = {.fd = sock, .events = POLLIN};
	char id[64];
	ssize_t got;
	int len = snprintf(id, sizeof(id), "bench-%d-%lu", (int)getpid(), call);

	len = snprintf(text, sizeof(text),
			"%d_%lu d8:supportsl10:load limite%s%s7:call-id%d:%s"
			"13:received-froml3:IP49:127.0.0.1e8:from-tag8:fromtag1%s7:command%zu:%se",
			(int)getpid(), ++sent, sdp ? sdp : "", flags, len, id,
			strcmp(word, "answer") == 0 ? "6:to-tag6:totag1" : "", strlen(word), word);
	if(send(sock, text, (size_t)len, 0) != len)
		fail("send", word);
	do { /* a reply to a command sent once more may come twice */
		if(poll(&ready, 1, TIMEOUT_MS) != 1)
			fail(word, "no answer");
		got = recv(sock, reply, sizeof(reply) - 1, 0);
		if(got <= 0)
			fail(word, "no answer");
		reply[got] = '\0';
		number = strchr(reply, '_');
	} while(!number || strtoul(number + 1, NULL, 10) != sent);
	if(!strstr(reply, "6:result2:ok") || (reads && !strstr(reply, reads)))
		fail(word, reply);
}

static int storm(uint16_t port, unsigned long count, int keyed)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char offers[2][2048], answers[2][2048];
	unsigned long i;

	sock = socket(AF_INET, SOCK_DGRAM, 0);
	if(sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("socket", "cannot be connected");
	for(i = 0; i < 2; i++) {
		snprintf(offers[i], sizeof(offers[i]), "3:sdp%zu:%s", strlen(pairs[i].offer),
				pairs[i].offer);
		snprintf(answers[i], sizeof(answers[i]), "3:sdp%zu:%s", strlen(pairs[i].answer),
				pairs[i].answer);
	}
	for(i = 0; i < count; i++) {
		const struct leg_pair *pair = &pairs[i % 2];

		command("offer", i, pair->offer_flags[keyed], offers[i % 2], pair->offer_reads);
		command("answer", i, pair->answer_flags[keyed], answers[i % 2],
				pair->answer_reads);
		command("delete", i, "", NULL, NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int clients = argc == 5 ? atoi(argv[4]) : 1, failed = 0, status, i;

	if(argc < 4 || argc > 5 || clients < 1 || clients > 64) {
		fprintf(stderr,
				"usage: bench_ng_storm <port> <calls> native|keyed [<clients>]\n");
		return 2;
	}
	for(i = 0; i < clients; i++) {
		pid_t child = fork();

		if(child < 0)
			fail("fork", "no process");
		if(child == 0)
			return storm((uint16_t)atoi(argv[1]),
					strtoul(argv[2], NULL, 10) / (unsigned long)clients,
					strcmp(argv[3], "keyed") == 0);
	}
	while(wait(&status) > 0)
		failed |= status != 0;
	return failed;
}
