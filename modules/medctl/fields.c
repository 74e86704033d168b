/**
 * fields.c - the reference from the schema, and completion from the same
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdio.h>
#include <string.h>

#include "medcore/inquiry.h"
#include "medcore/schema.h"
#include "medctl/output.h"
#include "medctl/reading.h"

#define IDS_OFFERED 500

/* ---- fields -------------------------------------------------------------------------
 */

static void field_as_text(const med_field_def_t *def)
{
	char value[256];

	(void)printf(
			"  %s\n      %s", def->name, med_schema_value(def, value, sizeof(value)));
	if(def->unit != NULL)
		(void)printf(" %s", def->unit);
	if(def->initial != NULL)
		(void)printf("; default %s", def->initial);
	(void)printf("%s%s%s\n      %s\n", def->required ? "; required" : "",
			def->secret ? "; secret" : "", def->kept ? "; nothing acts on it yet" : "",
			def->meaning);
	if(def->alias != NULL)
		(void)printf("      also read as %s\n", def->alias);
}

static void field_as_json(out_json_t *j, const med_field_def_t *def)
{
	char value[256];

	json_open(j, NULL, '{');
	json_str(j, "name", med_str(def->name));
	json_str(j, "value", med_str(med_schema_value(def, value, sizeof(value))));
	if(def->unit != NULL)
		json_str(j, "unit", med_str(def->unit));
	if(def->initial != NULL)
		json_str(j, "default", med_str(def->initial));
	if(def->alias != NULL)
		json_str(j, "alias", med_str(def->alias));
	json_bool(j, "required", def->required);
	json_bool(j, "secret", def->secret);
	json_bool(j, "acted_on", !def->kept);
	json_str(j, "meaning", med_str(def->meaning));
	json_close(j, '}');
}

static void show_kind(const medctl_t *m, out_json_t *j, enum med_kind kind)
{
	size_t count;
	const med_field_def_t *defs = med_schema(kind, &count);

	if(m->json)
		json_open(j, med_kind_name(kind), '[');
	else
		(void)printf("%s: %s\n", med_kind_name(kind), med_schema_about(kind));
	for(size_t i = 0; i < count; i++) {
		if(m->json)
			field_as_json(j, &defs[i]);
		else
			field_as_text(&defs[i]);
	}
	if(m->json)
		json_close(j, ']');
	else
		(void)putchar('\n');
}

int medctl_fields(medctl_t *m)
{
	out_json_t j = {.out = stdout};
	enum med_kind only = MED_KIND_COUNT;

	if(m->argc > 0 && med_kind_parse(med_str(m->argv[0]), &only) != MED_EOK) {
		out_error("no kind of object: '%s'; medctl --help lists them", m->argv[0]);
		return MEDCTL_USAGE;
	}
	if(m->json)
		json_open(&j, NULL, '{');
	for(unsigned i = 0; i < MED_KIND_COUNT; i++) {
		if(only == MED_KIND_COUNT || only == kind_order[i])
			show_kind(m, &j, kind_order[i]);
	}
	if(m->json) {
		json_close(&j, '}');
		json_end(&j);
	}
	return MEDCTL_OK;
}

/* ---- completion -----------------------------------------------------------------------
 */

static const char bash[] =
		"# completion of medctl for bash: eval \"$(medctl completion bash)\"\n"
		"_medctl() {\n"
		"	local IFS=$'\\n'\n"
		"	mapfile -t COMPREPLY < <(medctl complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
		"2>/dev/null)\n"
		"	if [ \"${COMPREPLY[0]}\" = '<file>' ]; then\n"
		"		mapfile -t COMPREPLY < <(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
		"		compopt -o filenames 2>/dev/null\n"
		"	elif [[ ${COMPREPLY[0]} == *= && ${#COMPREPLY[@]} -eq 1 ]]; then\n"
		"		compopt -o nospace 2>/dev/null\n"
		"	fi\n"
		"}\n"
		"complete -F _medctl medctl\n";

int medctl_completion(medctl_t *m)
{
	if(strcmp(m->argv[0], "bash") != 0) {
		out_error("completion is made for bash alone");
		return MEDCTL_USAGE;
	}
	(void)fputs(bash, stdout);
	return MEDCTL_OK;
}

static void offer(const char *word, const char *begun)
{
	if(strncmp(word, begun, strlen(begun)) == 0)
		(void)printf("%s\n", word);
}

/* Values of one field: bash has split "field=value" at the '='. */
static void offer_values(enum med_kind kind, const char *field, const char *begun)
{
	const med_field_def_t *def = med_schema_field(kind, med_str(field));

	if(def == NULL)
		return;
	if(def->type == MED_TYPE_BOOL) {
		offer("yes", begun);
		offer("no", begun);
	}
	for(size_t i = 0; def->words != NULL && def->words[i] != NULL; i++)
		offer(def->words[i], begun);
}

static void offer_fields(enum med_kind kind, const char *begun, const char *after)
{
	size_t count;
	const med_field_def_t *defs = med_schema(kind, &count);

	for(size_t i = 0; i < count; i++) {
		char word[160];
		(void)snprintf(word, sizeof(word), "%s%s", defs[i].name, after);
		if(!med_schema_is_numbered(&defs[i]))
			offer(word, begun);
	}
}

typedef struct ids {
	const char *begun, *before;
	size_t count;
} ids_t;

static int offer_id(void *ctx, const redis_object_t *o)
{
	ids_t *ids = ctx;
	char word[400];

	(void)snprintf(word, sizeof(word), "%s%.*s", ids->before, MED_STR_FMT(o->id));
	if(med_record_check_id(o->kind, o->id, NULL) == MED_EOK)
		offer(word, ids->begun);
	return ++ids->count < IDS_OFFERED ? MEDCTL_OK : MEDCTL_NO;
}

static void offer_ids(
		medctl_t *m, enum med_kind kind, const char *begun, const char *before)
{
	ids_t ids = {begun, before, 0};
	redis_reading_t reading = {.object = offer_id, .ctx = &ids, .kind = (int)kind};

	(void)redis_each(m, &reading);
}

static void offer_kinds(const char *begun)
{
	for(unsigned i = 0; i < MED_KIND_COUNT; i++)
		offer(med_kind_name(kind_order[i]), begun);
}

static void offer_options(const medctl_command_t *command, const char *begun)
{
	for(const medctl_option_t *o = medctl_options; o->name != NULL; o++) {
		char word[40];
		(void)snprintf(word, sizeof(word), "--%s", o->name);
		if(command == NULL || strchr("rupsjh", o->letter) != NULL
				|| strchr(command->options, o->letter) != NULL)
			offer(word, begun);
	}
}

/* What may be tried, and of what kind it is asked. */
static void offer_inquiry(medctl_t *m, char **words, int at, const char *begun)
{
	const med_inquiry_t *inquiry = at == 1 ? med_inquiry_find(words[0]) : NULL;

	for(const med_inquiry_t *i = med_inquiries; at == 0 && i->name != NULL; i++) {
		char name[40];
		(void)snprintf(name, sizeof(name), "%s", i->name);
		for(char *c = name; *c != '\0'; c++)
			*c = *c == '_' ? '-' : *c;
		offer(name, begun);
	}
	if(inquiry != NULL && inquiry->words[0] == MED_ASKED_ID)
		offer_ids(m, inquiry->kind, begun, "");
}

/* What may stand as argument @p at (from 0) of a command; words[0..at) stand already. */
static void offer_argument(
		medctl_t *m, const medctl_command_t *c, char **words, int at, const char *begun)
{
	const char *args = c->args;
	enum med_kind kind;

	if(strncmp(args, "FILE", 4) == 0 || strncmp(args, "[FILE", 5) == 0) {
		(void)puts("<file>");
	} else if(strcmp(args, "bash") == 0) {
		offer("bash", begun);
	} else if(strcmp(args, "FROM TO") == 0 && at == 0) {
		offer_ids(m, MED_KIND_TRUNK, begun, "trunk:");
		offer_ids(m, MED_KIND_POLICY, begun, "policy:");
	} else if(strcmp(args, "WHAT ...") == 0) {
		offer_inquiry(m, words, at, begun);
	} else if(strcmp(args, "[ID...]") == 0) {
		offer_ids(m, MED_KIND_TEST, begun, "");
	} else if(strstr(args, "KIND") != NULL && at == 0) {
		offer_kinds(begun);
	} else if(strstr(args, "KIND") != NULL
			&& med_kind_parse(med_str(words[0]), &kind) == MED_EOK) {
		bool sets = strstr(args, "FIELD=VALUE") != NULL;
		if(at == 1 || strstr(args, "ID...") != NULL)
			offer_ids(m, kind, begun, "");
		else if(sets && at > 3 && strcmp(words[at - 1], "=") == 0)
			offer_values(kind, words[at - 2], begun);
		else if(sets && at > 2 && strcmp(begun, "=") == 0)
			offer_values(kind, words[at - 1], "");
		else if(sets || at == 2)
			offer_fields(kind, begun, sets ? "=" : "");
	}
}

/*
 * medctl complete WORD...: the last one is being typed. Prints what it may become, one a
 * line; "<file>": a file.
 */
int medctl_complete(medctl_t *m)
{
	const medctl_command_t *command = NULL;
	const char *begun = m->argc > 0 ? m->argv[m->argc - 1] : "";
	int at = 0;

	m->err_terminal = false;
	for(int i = 0; i + 1 < m->argc;
			i++) { /* options apart, the first word is a command */
		const medctl_option_t *o = medctl_options;
		if(strncmp(m->argv[i], "--", 2) != 0) {
			m->argv[at++] = m->argv[i];
			continue;
		}
		while(o->name != NULL && strcmp(o->name, m->argv[i] + 2) != 0)
			o++;
		i += o->name != NULL && o->arg != NULL;
	}
	for(const medctl_command_t *c = medctl_commands; at > 0 && c->name != NULL; c++) {
		if(strcmp(c->name, m->argv[0]) == 0)
			command = c;
	}
	if(begun[0] == '-') {
		offer_options(command, begun);
	} else if(at == 0) {
		for(const medctl_command_t *c = medctl_commands; c->name != NULL; c++)
			offer(c->name, begun);
	} else if(command != NULL) {
		offer_argument(m, command, m->argv + 1, at - 1, begun);
	}
	return MEDCTL_OK;
}
