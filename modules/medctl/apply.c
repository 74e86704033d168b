/**
 * apply.c - apply, diff and check: files, judged with what Redis has
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <stdlib.h>

#include "medctl/changes.h"
#include "medctl/nodes.h"
#include "medctl/tests.h"

#define SHOWN_BEFORE_ASKING 100

/* Files into the set of a world that is open. */
static int load(world_t *w, medctl_t *m)
{
	int rc = files_read(w->set, m->argv, m->argc);

	w->names = m->argv;
	w->replace = m->replace;
	if(rc == MEDCTL_OK && m->replace && w->set->count == 0) {
		out_error("no object in what was given; --replace would remove everything");
		rc = MEDCTL_NO;
	}
	return rc;
}

static int judge(world_t *w)
{
	size_t against;
	int rc = world_judge(w);

	if(rc != MEDCTL_OK)
		return rc;
	against = world_tell(w);
	if(against == 0)
		return MEDCTL_OK;
	out_error("%zu fault(s); nothing was written", against);
	return MEDCTL_NO;
}

static int write_and_say(world_t *w)
{
	changes_result_t result;
	out_json_t j = {.out = stdout};
	int rc = changes_write(w, true, &result);

	if(rc != MEDCTL_OK)
		return rc;
	if(!w->m->json && changes_count(w) == 0) {
		(void)puts("nothing to write; what is there is confirmed to the nodes");
		return MEDCTL_OK;
	}
	if(!w->m->json) {
		(void)printf("%zu written, %zu removed\n", result.written, result.removed);
		return MEDCTL_OK;
	}
	json_open(&j, NULL, '{');
	json_number(&j, "written", (long long)result.written);
	json_number(&j, "removed", (long long)result.removed);
	json_number(&j, "same", (long long)w->count[OBJECT_SAME]);
	json_str(&j, "applied", med_str(result.token));
	json_close(&j, '}');
	json_end(&j);
	return MEDCTL_OK;
}

/* Does a node hold something back, or wait for the end of an apply? */
static bool is_awaited(medctl_t *m)
{
	char *marker = medctl_get(m, m->prefix, "applying", 2);
	nodes_t *nodes = marker == NULL ? NULL : nodes_read(m);
	bool awaited = nodes == NULL || marker[0] != '\0';

	for(size_t i = 0; nodes != NULL && i < nodes->count; i++) {
		const json_t *held = json_get(nodes->node[i].json, "held");
		awaited = awaited || (held != NULL && held->type == JSON_OBJECT);
	}
	if(nodes != NULL)
		nodes_free(nodes);
	free(marker);
	return awaited;
}

static int agree(world_t *w)
{
	medctl_t *m = w->m;
	char question[400];

	if(!m->json)
		changes_show(w, m->yes ? 0 : SHOWN_BEFORE_ASKING);
	if(m->yes)
		return MEDCTL_OK;
	(void)snprintf(question, sizeof(question),
			changes_count(w) > 0 ? "write this to %s?"
								 : "nothing differs; confirm to the nodes what %s has?",
			med_client_place(m->client));
	if(out_ask(m, question))
		return MEDCTL_OK;
	out_note("nothing was written");
	return MEDCTL_NO;
}

int medctl_apply(medctl_t *m)
{
	world_t w;
	bool nothing;
	int rc = world_open(&w, m);

	if(rc == MEDCTL_OK)
		rc = load(&w, m);
	if(rc == MEDCTL_OK && !changes_begin(m))
		rc = MEDCTL_FAILED;
	if(rc == MEDCTL_OK)
		rc = judge(&w);
	if(rc == MEDCTL_OK && m->run_tests) {
		rc = tests_run(m, &w, NULL, 0, false);
		if(rc != MEDCTL_OK)
			out_error("stored cases fail; nothing was written");
	}
	nothing = rc == MEDCTL_OK && !m->yes && !m->json && changes_count(&w) == 0
			&& !is_awaited(m);
	if(nothing)
		(void)puts("nothing to do");
	if(rc == MEDCTL_OK && !nothing)
		rc = agree(&w);
	if(rc == MEDCTL_OK && !nothing)
		rc = write_and_say(&w);
	world_close(&w);
	return rc;
}

int medctl_diff(medctl_t *m)
{
	out_json_t j = {.out = stdout};
	world_t w;
	int rc = world_open(&w, m);

	if(rc == MEDCTL_OK)
		rc = load(&w, m);
	if(rc == MEDCTL_OK)
		rc = world_read(&w);
	if(rc == MEDCTL_OK && m->json) {
		json_open(&j, NULL, '{');
		changes_json(&w, &j);
		json_close(&j, '}');
		json_end(&j);
	} else if(rc == MEDCTL_OK) {
		changes_show(&w, SIZE_MAX);
	}
	if(rc == MEDCTL_OK)
		rc = changes_count(&w) > 0 ? MEDCTL_NO : MEDCTL_OK;
	world_close(&w);
	return rc;
}

/* ---- check --------------------------------------------------------------------------
 */

static void check_json(const world_t *w, size_t refused)
{
	out_json_t j = {.out = stdout};

	json_open(&j, NULL, '{');
	json_number(&j, "refused", (long long)refused);
	json_number(&j, "warned", (long long)(w->after.count - refused));
	json_open(&j, "faults", '[');
	for(size_t i = 0; i < w->after.count; i++) {
		const fault_t *f = &w->after.fault[i];
		json_open(&j, NULL, '{');
		json_str(&j, "severity", f->refused ? MED_STR("refused") : MED_STR("warned"));
		json_str(&j, "kind", med_str(med_kind_name(f->kind)));
		json_str(&j, "id", med_str(f->id));
		json_str(&j, "text", med_str(f->text));
		if(f->line > 0) {
			json_str(&j, "file", med_str(w->names[f->file]));
			json_number(&j, "line", f->line);
		}
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	json_end(&j);
}

int medctl_check(medctl_t *m)
{
	size_t refused = 0;
	world_t w;
	int rc = world_open(&w, m);

	if(rc == MEDCTL_OK)
		rc = m->argc > 0 ? load(&w, m) : world_read(&w);
	if(rc == MEDCTL_OK)
		rc = world_change(&w);
	if(rc == MEDCTL_OK)
		rc = world_build(&w);
	if(rc == MEDCTL_OK)
		rc = faults_collect(&w.after, w.config);
	if(rc == MEDCTL_OK) {
		faults_locate(&w.after, w.set);
		for(size_t i = 0; i < w.after.count; i++) {
			refused += w.after.fault[i].refused;
			if(!m->json)
				fault_show(&w.after.fault[i], w.names);
		}
		if(m->json)
			check_json(&w, refused);
		else
			(void)printf("%zu objects, %zu refused, %zu warnings\n",
					m->argc > 0 ? w.set->count : w.redis, refused,
					w.after.count - refused);
		rc = refused > 0 ? MEDCTL_NO : MEDCTL_OK;
	}
	world_close(&w);
	return rc;
}
