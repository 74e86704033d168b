/**
 * keep_disk.c - the thread that writes the last known good: one job at a time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "medcore/keep_priv.h"

struct med_keep_disk {
	med_mem_t mem;
	pthread_t thread;
	pthread_mutex_t lock; /* protects: job, todo, end */
	pthread_cond_t wake;
	med_keep_job_t job;
	bool todo, end;
	int rc;
	int done; /* eventfd: the job is done, rc is its outcome */
};

static int write_all(const med_keep_job_t *job)
{
	size_t written = 0;

	while(written < job->len) {
		ssize_t n = pwrite(job->fd, job->bytes + written, job->len - written,
				(off_t)(job->at + written));
		if(n < 0 && errno == EINTR)
			continue;
		if(n <= 0)
			return n < 0 ? -errno : -EIO;
		written += (size_t)n;
	}
	return 0;
}

/* A new name is on the disk when its folder is. */
static int rename_to(const char *from, const char *to)
{
	char folder[4096];
	char *slash;
	int fd;

	if(rename(from, to) != 0)
		return -errno;
	snprintf(folder, sizeof folder, "%s", to);
	slash = strrchr(folder, '/');
	if(slash == NULL)
		return 0;
	slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if(fd < 0)
		return 0; /* it may be written to, not listed */
	(void)fsync(
			fd); /* the file has its new name in any case: it is the one to go on with */
	close(fd);
	return 0;
}

static int perform(const med_keep_job_t *job)
{
	int rc = 0;

	if(job->cut && ftruncate(job->fd, (off_t)job->at) != 0)
		return -errno;
	rc = write_all(job);
	if(rc == 0 && job->sync && fdatasync(job->fd) != 0)
		rc = -errno;
	if(rc == 0 && job->from != NULL)
		rc = rename_to(job->from, job->to);
	if(rc == 0 && job->from != NULL)
		close(job->old); /* the last name of a big file is gone: takes long */
	return rc;
}

static void *work(void *arg)
{
	med_keep_disk_t *disk = arg;
	uint64_t one = 1;
	int rc;

	pthread_mutex_lock(&disk->lock);
	for(;;) {
		while(!disk->todo && !disk->end)
			pthread_cond_wait(&disk->wake, &disk->lock);
		if(!disk->todo)
			break;
		pthread_mutex_unlock(&disk->lock);
		rc = perform(&disk->job);
		pthread_mutex_lock(&disk->lock);
		disk->todo = false;
		disk->rc = rc;
		(void)!write(disk->done, &one, sizeof one);
	}
	pthread_mutex_unlock(&disk->lock);
	return NULL;
}

int med_keep_disk_new(const med_mem_t *mem, med_keep_disk_t **disk)
{
	med_keep_disk_t *d = med_calloc(mem, 1, sizeof *d);
	sigset_t all, before;
	int rc;

	if(d == NULL)
		return MED_ENOMEM;
	d->mem = *mem;
	d->done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if(d->done < 0) {
		rc = -errno;
		med_free(mem, d);
		return rc;
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->wake, NULL);
	/* signals are the process's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&d->thread, NULL, work, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if(rc != 0) {
		close(d->done);
		med_free(mem, d);
		return -rc;
	}
	*disk = d;
	return MED_EOK;
}

void med_keep_disk_free(med_keep_disk_t *disk)
{
	med_mem_t mem;

	if(disk == NULL)
		return;
	pthread_mutex_lock(&disk->lock);
	disk->end = true;
	pthread_cond_signal(&disk->wake);
	pthread_mutex_unlock(&disk->lock);
	pthread_join(disk->thread, NULL);
	pthread_mutex_destroy(&disk->lock);
	pthread_cond_destroy(&disk->wake);
	close(disk->done);
	mem = disk->mem;
	med_free(&mem, disk);
}

void med_keep_disk_start(med_keep_disk_t *disk, const med_keep_job_t *job)
{
	pthread_mutex_lock(&disk->lock);
	disk->job = *job;
	disk->todo = true;
	pthread_cond_signal(&disk->wake);
	pthread_mutex_unlock(&disk->lock);
}

bool med_keep_disk_done(med_keep_disk_t *disk, int *rc)
{
	uint64_t times;

	if(read(disk->done, &times, sizeof times) != (ssize_t)sizeof times)
		return false;
	pthread_mutex_lock(&disk->lock);
	*rc = disk->rc;
	pthread_mutex_unlock(&disk->lock);
	return true;
}

int med_keep_disk_fd(const med_keep_disk_t *disk)
{
	return disk->done;
}
