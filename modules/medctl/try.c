/**
 * try.c - questions about a part of a decision, answered here by the code of the nodes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/inquiry.h"
#include "medctl/output.h"
#include "medctl/world.h"

/* Fields and routes come while it is asked whether there is an answer at all. */
typedef struct trying {
	bool json;
	out_json_t j;
	bool routes;
} trying_t;

static void on_field(void *ctx, const char *name, med_str_t value)
{
	trying_t *t = ctx;

	if(t->json) {
		json_str(&t->j, name, value);
		return;
	}
	(void)printf("%s: ", name);
	out_safe(stdout, value);
	(void)putchar('\n');
}

static void on_route(void *ctx, med_str_t usage, const med_route_t *route)
{
	trying_t *t = ctx;

	if(t->json) {
		if(!t->routes)
			json_open(&t->j, "routes", '[');
		t->routes = true;
		json_open(&t->j, NULL, '{');
		json_str(&t->j, "route", med_route_id(route));
		json_str(&t->j, "usage", usage);
		json_number(&t->j, "priority", med_route_priority(route));
		json_str(&t->j, "pattern", med_route_pattern(route));
		json_close(&t->j, '}');
		return;
	}
	(void)printf("route: %.*s (usage %.*s, priority %u) ",
			MED_STR_FMT(med_route_id(route)), MED_STR_FMT(usage),
			med_route_priority(route));
	out_safe(stdout, med_route_pattern(route));
	(void)putchar('\n');
}

static int ask(medctl_t *m, const world_t *w, const med_inquiry_t *inquiry,
		const med_question_t *question)
{
	med_scratch_t *scratch = med_scratch_new(&med_mem_heap);
	trying_t t = {.json = m->json, .j = {.out = stdout}};
	med_answer_sink_t sink = {on_field, on_route, &t};
	med_answer_t answer;
	int rc;

	if(scratch == NULL) {
		out_error("out of memory");
		return MEDCTL_FAILED;
	}
	if(m->json)
		json_open(&t.j, NULL, '{');
	rc = med_inquire(inquiry, w->snapshot, scratch, question, &sink, &answer);
	if(m->json) {
		if(t.routes)
			json_close(&t.j, ']');
		json_bool(&t.j, "matched", rc == MED_EOK && answer.matched);
		json_str(&t.j, "text", med_str(answer.text.text));
		json_close(&t.j, '}');
		json_end(&t.j);
	} else if(rc == MED_EOK) {
		(void)printf("%s\n", answer.text.text);
	}
	if(rc != MED_EOK)
		out_error("%s", answer.text.text);
	med_scratch_free(scratch);
	if(rc == MED_EINVAL || rc == MED_ELIMIT)
		return MEDCTL_USAGE;
	if(rc == MED_ENOMEM)
		return MEDCTL_FAILED;
	return rc == MED_EOK && answer.matched ? MEDCTL_OK : MEDCTL_NO;
}

/* The words that stand on the line: the others are options. */
static size_t on_the_line(const med_inquiry_t *inquiry)
{
	size_t count = 0;

	while(inquiry->words[count] != MED_ASKED_END
			&& inquiry->words[count] != MED_ASKED_CALLING
			&& inquiry->words[count] != MED_ASKED_AT)
		count++;
	return count;
}

static bool takes(const med_inquiry_t *inquiry, enum med_asked which)
{
	return strchr((const char *)inquiry->words, which) != NULL;
}

static void list(void)
{
	for(const med_inquiry_t *i = med_inquiries; i->name != NULL; i++) {
		char words[80], line[120];
		(void)snprintf(line, sizeof(line), "%s %s", i->name,
				med_inquiry_usage(i, on_the_line(i), words, sizeof(words)));
		for(char *at = line; *at != ' '; at++)
			*at = *at == '_' ? '-' : *at;
		(void)printf("  %-34s %s\n", line, i->about);
	}
}

/* What the line asks; false: told. */
static bool read_line(medctl_t *m, const med_inquiry_t *inquiry, med_question_t *question)
{
	size_t most = on_the_line(inquiry), count = (size_t)m->argc - 1;
	char words[80];

	if(count < inquiry->needed || count > most) {
		out_error("usage: medctl try %s %s", m->argv[0],
				med_inquiry_usage(inquiry, most, words, sizeof(words)));
		return false;
	}
	if((m->calling != NULL && !takes(inquiry, MED_ASKED_CALLING))
			|| (m->at != NULL && !takes(inquiry, MED_ASKED_AT))) {
		out_error("try %s has no use for --%s", m->argv[0],
				m->calling != NULL && !takes(inquiry, MED_ASKED_CALLING) ? "calling"
																		 : "at");
		return false;
	}
	/* It is of own users, who have a policy, or are somewhere. */
	if(m->pool != NULL && inquiry->kind != MED_KIND_POLICY
			&& !takes(inquiry, MED_ASKED_SITE)) {
		out_error("try %s has no use for --pool", m->argv[0]);
		return false;
	}
	for(size_t i = 0; i < count; i++)
		question->word[inquiry->words[i]] = med_str(m->argv[i + 1]);
	question->word[MED_ASKED_CALLING] = med_str(m->calling);
	question->word[MED_ASKED_AT] = med_str(m->at);
	return true;
}

int medctl_try(medctl_t *m)
{
	const med_inquiry_t *inquiry;
	med_question_t question = {.pool = med_str(m->pool)};
	world_t w;
	int rc;

	if(m->argc == 0) {
		list();
		return MEDCTL_OK;
	}
	inquiry = med_inquiry_find(m->argv[0]);
	if(inquiry == NULL) {
		out_error("nothing to try is called '%s'; medctl try lists what is", m->argv[0]);
		return MEDCTL_USAGE;
	}
	if(!read_line(m, inquiry, &question))
		return MEDCTL_USAGE;
	rc = world_open(&w, m);
	if(rc == MEDCTL_OK)
		rc = world_load(&w, m->file);
	if(rc == MEDCTL_OK)
		rc = world_find_pool(&w, m->pool);
	if(rc == MEDCTL_OK)
		rc = ask(m, &w, inquiry, &question);
	world_close(&w);
	return rc;
}
