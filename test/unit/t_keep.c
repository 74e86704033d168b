/**
 * t_keep.c - the last known good on disk: kept, read back, torn, damaged, disk full
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core_test.h"
#include "medcore/keep.h"

#define IDS 8

static char folder[64], path[100];
static core_memory_t memory;
static med_mem_t mem;
static med_config_t *config;
static med_keep_t *keep;
static med_keep_mark_t mark;
static char trouble[256], notes[4096];
static unsigned troubles;
static int64_t now = 1000000;
static int loaded;

/** A disk that syncs at once, or fails to: in place of libc's. */
static int folder_error, file_error;

int fsync(int fd)
{
	(void)fd;
	errno = folder_error;
	return errno ? -1 : 0;
}

int fdatasync(int fd)
{
	(void)fd;
	errno = file_error;
	return errno ? -1 : 0;
}

static void on_trouble(void *ctx, const char *text)
{
	(void)ctx;
	troubles++;
	snprintf(trouble, sizeof trouble, "%s", text ? text : "");
}

static void on_note(void *ctx, const char *text)
{
	size_t len = strlen(notes);

	(void)ctx;
	snprintf(notes + len, sizeof notes - len, "%s\n", text);
}

static void on_pause(void *ctx)
{
	(void)ctx;
}

static const med_keep_handler_t handler = {
		.trouble = on_trouble, .note = on_note, .pause = on_pause};

static int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The node starts. */
static void open_as(const char *file, const char *prefix, const char *node)
{
	trouble[0] = notes[0] = '\0';
	troubles = 0;
	config = med_config_new(&med_mem_heap, &med_mem_heap);
	ck_assert_ptr_nonnull(config);
	ck_assert_int_eq(
			med_keep_new(&mem, file, prefix, node, config, &handler, &keep), MED_EOK);
	memset(&mark, 0, sizeof mark);
	loaded = med_keep_load(keep, &mark);
}

static void start(void)
{
	open_as(path, "med:1:", "node1");
}

static void stop(void)
{
	med_keep_free(keep);
	med_config_free(config);
	ck_assert_int_eq(memory.out, 0);
}

static void make_folder(void)
{
	memory = (core_memory_t){.left = -1};
	mem = core_mem(&memory);
	snprintf(folder, sizeof folder, "/tmp/med-t-keep-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/lkg", folder);
}

static void remove_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* The time, without what this thread has waited for a processor: that is other programs'.
 */
static int64_t own_us(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "r");
	long long waited_ns = 0;

	if(file != NULL) {
		if(fscanf(file, "%*d %lld", &waited_ns) != 1)
			waited_ns = 0;
		fclose(file);
	}
	return clock_us() - waited_ns / 1000;
}

/* Until nothing is left to do, as the Redis process would; how long the longest turn
 * took, in microseconds. */
static int64_t run(void)
{
	int64_t longest = 0, end = clock_us() + 20000000;

	do {
		struct pollfd fd = {.fd = med_keep_fd(keep), .events = POLLIN};
		int64_t began = own_us(), took, due;
		med_keep_run(keep, now);
		took = own_us() - began;
		if(took > longest)
			longest = took;
		due = med_keep_deadline(keep);
		if(due > now)
			(void)poll(&fd, 1, 1);
		ck_assert_msg(clock_us() < end, "still at work after 20 s");
	} while(!med_keep_idle(keep));
	return longest;
}

/* Until what fails has failed by the clock as it stands: seen later it is tried again
 * later. */
static void wait_for_failure(void)
{
	struct pollfd fd = {.fd = med_keep_fd(keep), .events = POLLIN};

	while(med_keep_deadline(keep) > now + 100000) {
		ck_assert_int_eq(poll(&fd, 1, 20000), 1);
		med_keep_run(keep, now);
	}
}

/* The file may be being made anew, and what came meanwhile is for the next time. */
static void run_for_long(void)
{
	for(unsigned i = 0; i < 2; i++) {
		now += 120000;
		(void)run();
	}
}

static void set(unsigned id, const char *address)
{
	char name[16];
	const med_field_t fields[] = {
			{MED_STR("address"), med_str(address)}, {MED_STR("name"), MED_STR("a = b")}};

	snprintf(name, sizeof name, "g%u", id);
	ck_assert_int_eq(
			med_config_set(config, MED_KIND_GATEWAY, med_str(name), fields, 2, NULL),
			MED_EOK);
	med_keep_set(keep, MED_KIND_GATEWAY, med_str(name), fields, 2);
}

static void take_out(unsigned id)
{
	char name[16];

	snprintf(name, sizeof name, "g%u", id);
	ck_assert_int_eq(med_config_remove(config, MED_KIND_GATEWAY, med_str(name)), MED_EOK);
	med_keep_remove(keep, MED_KIND_GATEWAY, med_str(name));
}

static void commit(int64_t at, bool full)
{
	mark.at = at;
	snprintf(mark.applied, sizeof mark.applied, "token%d", (int)at);
	snprintf(mark.source, sizeof mark.source, "redis://h:6379/0");
	med_keep_commit(keep, &mark, full);
}

/* Addresses in order of id; "-" where there is none. */
static const char *state(void)
{
	static char text[IDS * 48];
	const med_snapshot_t *s = core_build(config);
	size_t len = 0;

	for(unsigned i = 0; i < IDS; i++) {
		char name[16];
		const med_gateway_t *gateway;
		snprintf(name, sizeof name, "g%u", i);
		gateway = med_snapshot_gateway(s, med_str(name));
		len += (size_t)snprintf(text + len, sizeof text - len, "%.*s ",
				gateway ? (int)gateway->address.len : 1,
				gateway ? gateway->address.s : "-");
	}
	med_config_release(config, s);
	return text;
}

static size_t slurp(char **bytes)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	*bytes = malloc((size_t)st.st_size + 1);
	ck_assert_int_eq(read(fd, *bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

static void write_file(const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), len);
	close(fd);
}

/* Three commits: their states are known. */
static const char *const states[] = {"- - - - - - - - ", "a0 a1 - - - - - - ",
		"a0 b1 a2 - - - - - ", "- b1 a2 a3 - - - - "};

static void three_commits(size_t size[3])
{
	char *bytes;

	start();
	set(0, "a0");
	set(1, "a1");
	commit(101, true);
	run();
	size[0] = slurp(&bytes);
	free(bytes);
	set(1, "b1");
	set(2, "a2");
	commit(102, false);
	run();
	size[1] = slurp(&bytes);
	free(bytes);
	take_out(0);
	set(3, "a3");
	commit(103, false);
	run();
	size[2] = slurp(&bytes);
	free(bytes);
	ck_assert_str_eq(state(), states[3]);
	stop();
}

START_TEST(what_was_kept_is_read_back)
{
	size_t size[3];
	struct stat st;

	make_folder();
	start();
	ck_assert_int_eq(loaded, MED_ENOMATCH);
	ck_assert_str_eq(trouble, "");
	stop();
	three_commits(size);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	start();
	ck_assert_int_eq(loaded, MED_EOK);
	ck_assert_str_eq(state(), states[3]);
	ck_assert_int_eq(mark.at, 103);
	ck_assert(!mark.held);
	ck_assert_str_eq(mark.applied, "token103");
	ck_assert_str_eq(mark.source, "redis://h:6379/0");
	/* the same again is not written again; a new version is */
	set(1, "b1");
	run();
	ck_assert(med_keep_idle(keep));
	set(1, "c1");
	mark.held = true;
	commit(104, false);
	run();
	stop();
	start();
	ck_assert_str_eq(state(), "- c1 a2 a3 - - - - ");
	ck_assert(mark.held);
	/* what was not committed is not there */
	set(2, "not-yet");
	run();
	stop();
	start();
	ck_assert_str_eq(state(), "- c1 a2 a3 - - - - ");
	core_assert_has(notes, "are not a whole change");
	stop();
	start();
	ck_assert_str_eq(notes, ""); /* only once */
	stop();
	remove_folder();
}
END_TEST

/* Addresses by id, as a tool reads them. */
typedef struct seen {
	char address[IDS + 1][32];
	int objects;
} seen_t;

static int see_object(void *ctx, const med_file_object_t *object)
{
	seen_t *seen = ctx;
	unsigned id = (unsigned)(object->id.s[1] - '0');

	ck_assert_uint_le(id, IDS);
	seen->objects++;
	for(size_t i = 0; i < object->count; i++) {
		if(med_str_eq(object->fields[i].name, MED_STR("address")))
			(void)snprintf(seen->address[id], sizeof(seen->address[id]), "%.*s",
					MED_STR_FMT(object->fields[i].value));
	}
	return seen->objects < 100 ? MED_EOK : -EINTR;
}

static void see_fault(void *ctx, uint32_t line, const char *text)
{
	(void)ctx;
	ck_abort_msg("line %u: %s", line, text);
}

static void see_gone(void *ctx, enum med_kind kind, med_str_t id)
{
	ck_assert_int_eq((int)kind, MED_KIND_GATEWAY);
	((seen_t *)ctx)->address[id.s[1] - '0'][0] = '\0';
}

START_TEST(a_tool_reads_it_as_it_lies_there)
{
	seen_t seen = {.objects = 0};
	const med_keep_sink_t sink = {{see_object, see_fault, &seen}, see_gone};
	med_keep_mark_t as_of;
	med_errbuf_t err = {""};
	size_t size[3];
	int fd;

	make_folder();
	ck_assert_int_eq(med_keep_each(path, &mem, &sink, &as_of, &err), -ENOENT);
	core_assert_has(err.text, "lkg: No such file");
	three_commits(size);
	start(); /* also while a node has it */
	set(1, "not-yet");
	run();
	ck_assert_int_eq(med_keep_each(path, &mem, &sink, &as_of, &err), MED_EOK);
	ck_assert_int_eq(as_of.at, 103);
	ck_assert_str_eq(as_of.source, "redis://h:6379/0");
	ck_assert_str_eq(seen.address[1], "b1");
	ck_assert_int_gt(seen.objects, 2);
	stop();
	ck_assert_int_eq(truncate(path, (off_t)size[0] - 1), 0);
	ck_assert_int_eq(med_keep_each(path, &mem, &sink, &as_of, &err), MED_ENOMATCH);
	core_assert_has(err.text, "nothing in it is whole");
	fd = open(path, O_WRONLY);
	ck_assert_int_eq((int)pwrite(fd, "x", 1, 0), 1);
	close(fd);
	ck_assert_int_eq(med_keep_each(path, &mem, &sink, &as_of, &err), MED_EINVAL);
	ck_assert_int_eq(med_keep_each(folder, &mem, &sink, &as_of, &err), MED_EINVAL);
	ck_assert_int_eq(memory.out, 0);
	remove_folder();
}
END_TEST

START_TEST(torn_anywhere_it_is_the_commit_before)
{
	size_t size[3], length;
	char *bytes;

	make_folder();
	three_commits(size);
	length = slurp(&bytes);
	ck_assert_uint_eq(length, size[2]);
	for(size_t cut = 0; cut < length; cut++) {
		const char *expected = states[(cut >= size[0]) + (cut >= size[1])];
		write_file(bytes, cut);
		start();
		ck_assert_msg(strcmp(state(), expected) == 0, "cut at %zu: %s", cut, state());
		ck_assert_int_eq(loaded, cut >= size[0] ? MED_EOK : MED_ENOMATCH);
		ck_assert_str_eq(trouble, "");
		if(cut % 16 == 0) { /* and goes on from there */
			set(7, "a7");
			commit(200, false);
			run();
			stop();
			start();
			ck_assert_int_eq(strncmp(state(), expected, strlen(expected) - 3), 0);
			core_assert_has(state(), " a7 ");
			ck_assert_str_eq(notes, "");
		}
		stop();
	}
	free(bytes);
	remove_folder();
}
END_TEST

START_TEST(damaged_anywhere_it_is_a_commit_before)
{
	size_t size[3], length;
	char *bytes;

	make_folder();
	three_commits(size);
	length = slurp(&bytes);
	for(size_t at = 0; at < length; at++) {
		const char *expected = states[(at >= size[0]) + (at >= size[1])];
		bytes[at] ^= 0x10;
		write_file(bytes, length);
		bytes[at] ^= 0x10;
		start();
		ck_assert_msg(strcmp(state(), expected) == 0, "damaged at %zu: %s", at, state());
		core_assert_has(notes,
				at < size[0] ? "lkg.bad, and a new one is begun"
							 : "bytes are not a whole change");
		ck_assert_str_eq(trouble, "");
		stop();
	}
	free(bytes);
	remove_folder();
}
END_TEST

/* A file that must not be used is kept; a new one takes its place. */
static void refused_file(const char *bytes, const char *prefix, const char *why)
{
	char bad[128];
	struct stat st;

	if(bytes)
		write_file(bytes, strlen(bytes));
	open_as(path, prefix, "node1");
	ck_assert_int_eq(loaded, MED_ENOMATCH);
	core_assert_has(notes, why);
	snprintf(bad, sizeof bad, "%s.bad", path);
	ck_assert_int_eq(stat(bad, &st), 0);
	if(bytes)
		ck_assert_uint_eq((size_t)st.st_size, strlen(bytes));
	set(0, "a0");
	commit(300, true);
	run();
	stop();
	open_as(path, prefix, "node1");
	ck_assert_int_eq(loaded, MED_EOK);
	ck_assert_str_eq(notes, "");
	stop();
}

START_TEST(what_cannot_be_used_is_told)
{
	size_t size[3];
	char other[100];
	med_keep_t *first;
	med_config_t *first_config;
	int fd;

	make_folder();
	refused_file("[trunk a]\nb = c\n", "med:1:", "no last known good configuration");
	refused_file("mediation last known good configuration, format 0\nxyz",
			"med:1:", "of another version of this module");
	refused_file("mediation last known good configuration, format 1\nxyz",
			"med:1:", "damaged at its beginning");
	ck_assert_int_eq(unlink(path), 0);
	three_commits(size);
	refused_file(NULL, "other:", "of redis_prefix 'med:1:'");

	open_as(path, "other:", "node2");
	ck_assert_int_eq(loaded, MED_EOK);
	core_assert_has(notes, "written by node 'node1'");
	first = keep;
	first_config = config;
	open_as(path, "other:", "node3");
	ck_assert_int_eq(loaded, MED_ENOMATCH);
	core_assert_has(trouble, "another Kamailio on this host uses it");
	med_keep_free(keep);
	med_config_free(config);
	keep = first;
	config = first_config;
	stop();

	snprintf(other, sizeof other, "%s/not/here", folder);
	open_as(other, "other:", "n");
	core_assert_has(trouble, "its folder does not exist");
	set(0, "a0"); /* not kept, no harm */
	commit(1, true);
	run();
	ck_assert_uint_eq(troubles, 1);
	stop();
	open_as(folder, "other:", "n");
	ck_assert_int_eq(loaded, MED_ENOMATCH);
	ck_assert_str_ne(trouble, "");
	stop();
	open_as("/dev/null", "other:", "n");
	core_assert_has(trouble, "not a file");
	stop();
	/* it holds secrets: whoever wrote it, it is ours alone now */
	ck_assert_int_eq(chmod(path, 0644), 0);
	open_as(path, "other:", "n");
	stop();
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0); /* it was let go */
	close(fd);
	remove_folder();
}
END_TEST

START_TEST(a_locked_file_is_used_once_it_is_free)
{
	size_t size[3];
	int fd;

	make_folder();
	three_commits(size);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	start();
	ck_assert_int_eq(loaded, MED_ENOMATCH);
	set(5, "a5");
	commit(400, true);
	run();
	ck_assert(!med_keep_wants_all(keep));
	close(fd);
	now += 60000;
	run();
	ck_assert(med_keep_wants_all(keep)); /* it has missed what was set */
	med_keep_begin(keep);
	set(5, "a5");
	set(6, "a6");
	commit(401, true);
	run();
	ck_assert_str_eq(trouble, "");
	stop();
	start();
	ck_assert_str_eq(state(), "- - - - - a5 a6 - ");
	stop();
	remove_folder();
}
END_TEST

START_TEST(outdated_versions_are_left_behind)
{
	char *bytes, text[32];
	size_t before, after;

	make_folder();
	start();
	for(unsigned i = 0; i < 20000; i++) {
		/* back and forth: the same version again and again, removed and set */
		snprintf(text, sizeof text, "v%u", i % 2);
		set(i % 3, text);
		if(i % 5 == 0)
			take_out(i % 3);
		commit(500 + i, false);
		if(i % 100 == 0)
			med_keep_run(keep, now);
	}
	run_for_long();
	ck_assert_str_eq(trouble, "");
	snprintf(text, sizeof text, "%.20s", state());
	before = slurp(&bytes);
	free(bytes);
	stop();
	start();
	ck_assert_str_eq(state(), text);
	/* new versions while the file is made anew */
	for(unsigned i = 0; i < 20000; i++) {
		char value[16];
		snprintf(value, sizeof value, "w%u", i % 7);
		set(3 + i % 3, value);
		if(i % 11 == 10)
			take_out(3 + i % 3);
		commit(30000 + i, false);
		if(i % 10 == 9) {
			now += 100;
			med_keep_run(keep, now);
		}
	}
	run_for_long();
	snprintf(text, sizeof text, "%.30s", state());
	after = slurp(&bytes);
	free(bytes);
	ck_assert_msg(after < 2000000 && before < 2000000, "%zu and %zu bytes; trouble: %s",
			before, after, trouble);
	stop();
	start();
	ck_assert_str_eq(state(), text);
	ck_assert_str_eq(notes, "");
	stop();
	remove_folder();
}
END_TEST

static void limit_files(size_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Half a megabyte of rules. */
static void set_big(unsigned version)
{
	static char value[512], name[1000][16];
	static med_field_t fields[1000];

	for(unsigned i = 0; i < 1000; i++) {
		snprintf(name[i], sizeof name[i], "rule.%u", i);
		fields[i] = (med_field_t){med_str(name[i]), med_str(value)};
	}
	snprintf(value, sizeof value, "^%0400u => +1", version);
	for(unsigned i = 0; i < 1000; i++)
		fields[i].value = med_str(value);
	ck_assert_int_eq(
			med_config_set(config, MED_KIND_RULES, MED_STR("big"), fields, 1000, NULL),
			MED_EOK);
	med_keep_set(keep, MED_KIND_RULES, MED_STR("big"), fields, 1000);
}

START_TEST(a_full_disk_is_told_once_and_made_up_for)
{
	size_t size[3];
	char *bytes;

	make_folder();
	signal(SIGXFSZ, SIG_IGN);
	three_commits(size);
	start();
	set_big(0); /* so that no file of Check's own is near the limit */
	commit(600, false);
	run();
	limit_files(slurp(&bytes) + 100);
	free(bytes);
	set(4, "a4");
	commit(601, false);
	for(unsigned i = 0; i < 20; i++) {
		struct pollfd fd = {.fd = med_keep_fd(keep), .events = POLLIN};
		med_keep_run(keep, now);
		(void)poll(&fd, 1, 5);
		now += 1000;
	}
	core_assert_has(trouble, "what changes from now on is not on disk");
	ck_assert_uint_eq(troubles, 1);
	set(5, "a5");
	commit(602, false);
	/* as it is now: the commit before */
	wait_for_failure();
	limit_files(0);
	now += 10000;
	run();
	ck_assert_str_eq(trouble, "");
	ck_assert_uint_eq(troubles, 2);
	stop();
	start();
	ck_assert_str_eq(state(), "- b1 a2 a3 a4 a5 - - ");
	ck_assert_str_eq(notes, "");

	/* for so long that changes are lost: everything is wanted again */
	limit_files(slurp(&bytes) + 100);
	free(bytes);
	for(unsigned i = 0; i < 120; i++) {
		set_big(i);
		commit(700 + i, false);
		med_keep_run(keep, now);
	}
	take_out(5); /* this is lost too */
	commit(900, false);
	wait_for_failure();
	limit_files(0);
	ck_assert(!med_keep_wants_all(keep));
	now += 700000;
	run();
	ck_assert(med_keep_wants_all(keep));
	set(6, "a6"); /* not yet: it will be told again */
	med_keep_begin(keep);
	set(1, "b1");
	set(2, "a2");
	set(6, "a6");
	set(7, "a7"); /* a0 and a3 are refused or held back: their last good ones stay */
	commit(901, true);
	set(6, "b6");
	commit(902, false);
	run();
	ck_assert_str_eq(trouble, "");
	stop();
	start();
	ck_assert_str_eq(state(), "- b1 a2 a3 a4 - b6 a7 ");
	ck_assert_uint_eq(med_config_count(config, MED_KIND_RULES), 0); /* was lost */
	ck_assert_int_eq(mark.at, 902);
	stop();
	remove_folder();
}
END_TEST

/** The new file has its name then, whatever the folder says: what follows goes there. */
START_TEST(a_folder_that_cannot_be_synced)
{
	make_folder();
	start();
	folder_error = EIO;
	for(unsigned i = 0; i < 20000; i++) {
		set(i % 3, i % 2 ? "v" : "w");
		commit(500 + i, false);
		if(i % 100 == 0)
			med_keep_run(keep, now);
	}
	now += 120000;
	run();
	set(4, "after");
	commit(30000, false);
	run();
	ck_assert_str_eq(trouble, "");
	stop();
	start();
	core_assert_has(state(), " after ");
	stop();
	remove_folder();
}
END_TEST

/** The kernel forgets what it could not write: it is not there, though nothing says so.
 */
START_TEST(a_disk_that_loses_what_was_written)
{
	make_folder();
	start();
	set(1, "lost");
	commit(700, false);
	run();
	file_error = EIO;
	now += 5000;
	run();
	core_assert_has(trouble, "Input/output error");
	file_error = 0;
	ck_assert(!med_keep_wants_all(keep));
	now += 20000;
	run();
	ck_assert(med_keep_wants_all(keep));
	med_keep_begin(keep);
	set(1, "lost");
	commit(701, true);
	run();
	ck_assert_str_eq(trouble, "");
	stop();
	remove_folder();
}
END_TEST

START_TEST(memory_may_fail_anywhere)
{
	make_folder();
	for(long left = 0; left < 60; left++) {
		(void)unlink(path);
		trouble[0] = '\0';
		config = med_config_new(&med_mem_heap, &med_mem_heap);
		memory.left = left;
		keep = NULL;
		if(med_keep_new(&mem, path, "p:", "n", config, &handler, &keep) == MED_EOK) {
			(void)med_keep_load(keep, &mark);
			for(unsigned i = 0; i < 300; i++) {
				char value[32];
				snprintf(value, sizeof value, "v%u", i);
				set(i % IDS, value);
				commit(800 + i, false);
				if(i % 50 == 0)
					med_keep_run(keep, now);
			}
			memory.left = -1;
			now += 700000;
			run();
			if(med_keep_wants_all(keep)) {
				med_keep_begin(keep);
				for(unsigned i = 0; i < IDS; i++) {
					char value[32];
					snprintf(value, sizeof value, "v%u", 292 + i);
					set((292 + i) % IDS, value);
				}
				commit(2000, true);
				run();
			}
			med_keep_free(keep);
			med_config_free(config);
			ck_assert_int_eq(memory.out, 0);
			open_as(path, "p:", "n");
			ck_assert_msg(
					loaded == MED_EOK, "%ld: %d '%s' '%s'", left, loaded, trouble, notes);
			/* and reading */
			med_keep_free(keep);
			med_config_free(config);
		} else {
			med_config_free(config);
		}
		ck_assert_int_eq(memory.out, 0);
		memory.left = -1;
	}
	loaded = MED_ENOMEM;
	for(long left = 8; left < 60 && loaded != MED_EOK; left++) {
		memory.left = left;
		open_as(path, "p:", "n");
		memory.left = -1;
		stop();
	}
	ck_assert_int_eq(loaded, MED_EOK);
	remove_folder();
}
END_TEST

START_TEST(no_turn_is_long)
{
	const unsigned count = 50000;
	int64_t longest = 0, turn;

	make_folder();
	start();
	for(unsigned round = 0; round < 3; round++) {
		for(unsigned i = 0; i < count; i++) {
			char value[32];
			snprintf(value, sizeof value, "r%u-%u", round, i);
			set(i, value);
			if(i % 1000 == 0) {
				turn = own_us();
				med_keep_run(keep, now);
				turn = own_us() - turn;
				longest = turn > longest ? turn : longest;
			}
		}
		commit(1000 + round, true);
	}
	now += 120000;
	turn = run();
	longest = turn > longest ? turn : longest;
	/* far from the time that all of it takes */
	ck_assert_msg(longest < 150000, "a turn of %lld us", (long long)longest);
	stop();
	start();
	ck_assert_uint_eq(med_config_count(config, MED_KIND_GATEWAY), count);
	stop();
	remove_folder();
}
END_TEST

int main(void)
{
	const TTest *tests[] = {what_was_kept_is_read_back, a_tool_reads_it_as_it_lies_there,
			torn_anywhere_it_is_the_commit_before, damaged_anywhere_it_is_a_commit_before,
			what_cannot_be_used_is_told, a_locked_file_is_used_once_it_is_free,
			outdated_versions_are_left_behind, a_full_disk_is_told_once_and_made_up_for,
			a_folder_that_cannot_be_synced, a_disk_that_loses_what_was_written,
			memory_may_fail_anywhere, no_turn_is_long};

	return core_run("keep", tests, COUNT(tests));
}
