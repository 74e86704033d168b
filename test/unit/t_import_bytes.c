/**
 * t_import_bytes.c - bytes of files: encodings, what is no export at all, hostile ones
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <time.h>

#include "import_test.h"

#include "medcore/xml.h"

/* Of this process's own time. Sanitised, a million elements take 4 s, and 10 s where
 * other processes have the cache. */
#ifdef __SANITIZE_ADDRESS__
#define SOON_MS 30000
#else
#define SOON_MS 10000
#endif

#define POLICY(name)                                                                     \
	IMPORT_CLIXML(IMPORT_OBJ("VoicePolicy", "<S N='Identity'>" name "</S>"))

/* UTF-8 as UTF-16, with a mark when asked for; up to U+FFFF. */
static med_str_t to_utf16(const char *text, bool big, bool mark)
{
	char *out = malloc(strlen(text) * 2 + 2);
	size_t used = 0;

	for(const unsigned char *c = (const unsigned char *)text; *c != '\0' || mark;) {
		unsigned unit = 0xfeff;
		if(!mark && *c < 0x80) {
			unit = *c++;
		} else if(!mark && *c < 0xe0) {
			unit = (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
			c += 2;
		} else if(!mark) {
			unit = (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
			c += 3;
		}
		mark = false;
		out[used++] = (char)(big ? unit >> 8 : unit & 0xff);
		out[used++] = (char)(big ? unit & 0xff : unit >> 8);
	}
	return (med_str_t){out, used};
}

static void expect(med_str_t bytes, const char *expected)
{
	import_file_t file = {"f.xml", NULL, bytes};
	import_run_t *run = import_run(&file, NULL, 1);

	core_assert_has(run->text, expected);
	import_end(run);
}

START_TEST(encodings)
{
	static const char *const declared[] = {"", "<?xml version=\"1.0\"?>\r\n",
			"<?xml version='1.0' encoding='utf-8'?>",
			"<?xml version='1.0' encoding='UTF-16'?>",
			"<?xml version='1.0' encoding='iso-8859-1'?>",
			"<?xml encoding='klingon'?>\n\n"};
	char text[1024];

	for(size_t i = 0; i < COUNT(declared); i++) {
		med_str_t wide;
		(void)snprintf(
				text, sizeof(text), "%s%s", declared[i], POLICY("M\xc3\xbc\xe2\x82\xac"));
		expect(med_str(text), "name = Tag:M\xc3\xbc\xe2\x82\xac\n");
		for(int form = 0; form < 4; form++) {
			wide = to_utf16(text, form & 1, form & 2);
			expect(wide, "name = Tag:M\xc3\xbc\xe2\x82\xac\n");
			free((char *)(uintptr_t)wide.s);
		}
		(void)snprintf(
				text, sizeof(text), "\xef\xbb\xbf%s\r\n%s", declared[i], POLICY("b"));
		expect(med_str(text), "[policy b]");
	}
}
END_TEST

/* What `(Get-CsTopology -AsXml).ToString() > f` writes. */
START_TEST(a_topology_as_powershell_saves_it)
{
	import_file_t file = {"topology.xml", NULL, import_sample("topology.xml")};
	import_run_t *plain = import_run(&file, NULL, 1), *wide;
	char *text = calloc(1, file.bytes.len * 2 + 1);

	for(size_t i = 0, used = 0; i < file.bytes.len; i++) {
		if(file.bytes.s[i] == '\n')
			text[used++] = '\r';
		text[used++] = file.bytes.s[i];
	}
	free((char *)(uintptr_t)file.bytes.s);
	file.bytes = to_utf16(text, false, true);
	wide = import_run(&file, NULL, 1);
	ck_assert_str_eq(wide->text, plain->text);
	import_end(plain);
	import_end(wide);
	free((char *)(uintptr_t)file.bytes.s);
	free(text);
}
END_TEST

/* A letter beyond U+FFFF: two units, one character. */
START_TEST(surrogate_pairs)
{
	med_str_t wide = to_utf16(POLICY("12"), false, true);
	char *bytes = (char *)(uintptr_t)wide.s;

	for(size_t i = 0; i + 4 <= wide.len; i += 2) {
		if(memcmp(bytes + i, "1\0002\0", 4) == 0) {
			memcpy(bytes + i, "\x3d\xd8\x00\xde", 4);
			break;
		}
	}
	expect(wide, "name = Tag:\xf0\x9f\x98\x80\n");
	free(bytes);
}
END_TEST

START_TEST(refused_with_advice)
{
	static const struct {
		const char *name;
		med_str_t bytes;
		const char *text;
	} row[] = {
			{"f.xml", {"", 0}, "the file is empty"},
			{"f.xml", {"  \r\n ", 5}, "the file is empty"},
			{"x.vcfg", {"\x01\x02", 2}, "a .vcfg of the Control Panel"},
			{"f.zip", {"PK\x03\x04....", 8},
					"a zip (Export-CsConfiguration?): unpack it"},
			{"t.xml", MED_STR("\r\nSites : {1}\r\nClusters : {}"),
					"save it again with (Get-CsTopology -AsXml).ToString()"},
			{"f", {"\xff\xfe\0\0<\0\0\0", 8}, "UTF-32; save it as UTF-8"},
			{"f", {"\xff\xfe<\0a", 5}, "half a character at its end"},
			{"f", {"\xff\xfe<\0\0\xd8", 6}, "half a surrogate pair at byte 2"},
			{"f", {"\xff\xfe<\0\0\xdc<\0", 8}, "half a surrogate pair"},
			{"f", MED_STR("<a/>"), "nothing in it is known (its root is 'a')"},
			{"f", MED_STR("<Topology/>"), "nothing in it is known"},
			{"f",
					MED_STR("<TopologyInput "
							"xmlns='urn:schema:Microsoft.Rtc.Management.Deploy."
							"LegacyUserInput.2008'/>"),
					"a TopologyInput (for Merge-CsLegacyTopology)"},
			{"f", MED_STR("<a>\xe4</a>"), "line 1: not well-formed XML"},
			{"f", MED_STR("<a>\xc0\x80</a>"), "not well-formed"},
			{"f", MED_STR("<a>&#0;</a>"), "not well-formed"},
			{"f", MED_STR("<a>&other;</a>"), "not well-formed"},
			{"f", MED_STR("<a><b></a>"), "not well-formed"},
			{"f", MED_STR("<a b='1' b='2'/>"), "not well-formed"},
			{"f", MED_STR("<a/><b/>"), "not well-formed"},
			{"f", MED_STR("<a"), "does not end; the file is cut off"},
			{"f", MED_STR("<a>\n<!-- x"), "line 2: what begins there does not end"},
			{"f", MED_STR("<!DOCTYPE a><a/>"), "line 1: it has a DOCTYPE"},
			{"f",
					MED_STR("<?xml version='1.0'?>\n\n<!DOCTYPE a [<!ENTITY b "
							"'c'>]><a>&b;</a>"),
					"line 3: it has a DOCTYPE"},
			{"f", MED_STR("<!-- --><!doctype a><a/>"), "it has a DOCTYPE"},
			/* CLIXML. */
			{"f", MED_STR(IMPORT_CLIXML("<Ref RefId='3'/>")),
					"line 1: a reference to what does not stand before it"},
			{"f", MED_STR(IMPORT_CLIXML("<Obj RefId='0'><TNRef RefId='0'/></Obj>")),
					"a reference to what does not stand before it"},
			{"f", MED_STR(IMPORT_CLIXML("<Obj RefId='x'/>")), "a RefId that is missing"},
			{"f", MED_STR(IMPORT_CLIXML("<Ref/>")), "a RefId that is missing"},
			{"f", MED_STR(IMPORT_CLIXML("<Obj RefId='99999999999999999999'/>")),
					"a RefId that is missing or no number"},
			{"f", MED_STR(POLICY("a_x0000_b")), "a character that does not exist"},
			{"f", MED_STR(POLICY("a_x00110000_b")), "a character that does not exist"},
			{"f",
					MED_STR(IMPORT_CLIXML(
							"<Obj><TN><T>Microsoft.Rtc.Management.Deploy.Internal."
							"DefaultTopology</T></TN><Props><S "
							"N='a'>b</S></Props></Obj>")),
					"(Get-CsTopology -AsXml).ToString()"},
			{"f",
					MED_STR("<TopologyBuilder "
							"xmlns='urn:schema:Microsoft.Rtc.Management.x'/>"),
					"without NewTopology/PartialTopology"},
	};

	for(size_t i = 0; i < COUNT(row); i++) {
		int rc;
		const char *text = import_refusal(row[i].name, row[i].bytes, &rc);
		ck_assert_msg(rc == MED_EINVAL, "row %zu: %d: %s", i, rc, text);
		ck_assert_msg(strstr(text, row[i].text) != NULL, "row %zu: no '%s' in '%s'", i,
				row[i].text, text);
		for(; *text != '\0'; text++)
			ck_assert_msg(*text >= 0x20 && *text < 0x7f, "row %zu: raw byte", i);
	}
}
END_TEST

/* ---- hostile ------------------------------------------------------------------------
 */

static char *repeat(const char *before, const char *unit, size_t times, const char *after)
{
	size_t len = strlen(unit), first = strlen(before), last = strlen(after) + 1;
	char *text = malloc(first + len * times + last);

	memcpy(text, before, first);
	for(size_t i = 0; i < times; i++)
		memcpy(text + first + i * len, unit, len);
	memcpy(text + first + times * len, after, last);
	return text;
}

static int64_t cpu_ms(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Refused, and soon: the time does not grow with what is behind the bound. */
static void refused_soon(char *text, size_t len, const char *expected)
{
	int64_t before = cpu_ms();
	int rc;
	const char *why = import_refusal("f.xml", (med_str_t){text, len}, &rc);

	ck_assert_msg(rc == MED_ELIMIT || rc == MED_EINVAL, "%d: %s", rc, why);
	core_assert_has(why, expected);
	ck_assert_int_lt(cpu_ms() - before, SOON_MS);
	free(text);
}

START_TEST(hostile_documents)
{
	char *text = repeat("<a b='", "xxxxxxxxxx", 6000000, "'/>");

	refused_soon(text, strlen(text), "line 1: a tag of more than 262144 bytes");
	text = malloc(100u << 20);
	memset(text, '<', 100u << 20);
	refused_soon(text, 100u << 20, "104857600 bytes; at most 67108864 are read");
	text = repeat("<a>", "xxxxxxxxxx", 1000000, "</a>");
	refused_soon(text, strlen(text), "a text of more than 4194304 bytes");
	text = repeat("<a>", "<![CDATA[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]]>",
			200000, "</a>");
	refused_soon(text, strlen(text), "bytes of a text; at most 4194304");
	text = repeat("", "<a>", 100000, "");
	refused_soon(text, strlen(text), "elements inside each other; at most 64");
	text = malloc(16384);
	{
		size_t used = 0;
		used += (size_t)snprintf(text, 16384, "<a");
		for(int i = 0; i < 400; i++)
			used += (size_t)snprintf(text + used, 16384 - used, " b%d=''", i);
		used += (size_t)snprintf(text + used, 16384 - used, "/>");
		refused_soon(text, used, "attributes of an element; at most 256");
	}
	text = repeat("<a>", "<b/>", MED_XML_ELEMENTS, "</a>");
	refused_soon(text, strlen(text), "elements; at most 1000000");
	text = repeat("<!DOCTYPE l [<!ENTITY l0 'l'>", "<!ENTITY l1 '&l0;&l0;&l0;&l0;'>", 20,
			"]><l>&l1;</l>");
	refused_soon(text, strlen(text), "it has a DOCTYPE");
}
END_TEST

/* Each object holds the one before it twice: 2^60 of them, if they were copied. */
START_TEST(references_to_references)
{
	char text[16384];
	size_t used = (size_t)snprintf(text, sizeof(text), "%s",
			"<Objs xmlns='http://schemas.microsoft.com/powershell/2004/04'>"
			"<Obj RefId='0'><TN><T>VoicePolicy</T></TN><LST><S>u</S></LST></Obj>");
	import_run_t *run;

	for(int i = 1; i <= 60; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
				"<Obj RefId='%d'><TN><T>VoicePolicy</T></TN><Props><S "
				"N='Identity'>p%d</S>"
				"<Ref N='PstnUsages' RefId='%d'/></Props><LST><Ref RefId='%d'/><Ref "
				"RefId='%d'/>"
				"</LST></Obj>",
				i, i, i - 1, i - 1, i - 1);
	(void)snprintf(text + used, sizeof(text) - used, "</Objs>");
	run = import_text("f.xml", text);
	core_assert_has(run->text, "[policy p60]");
	import_end(run);
}
END_TEST

static void quiet_note(
		void *ctx, enum med_import_note note, const char *where, const char *text)
{
	(void)ctx, (void)note, (void)where, (void)text;
}

static int quiet_object(void *ctx, enum med_kind kind, med_str_t id,
		const med_field_t *fields, size_t count, const char *comment)
{
	(void)ctx, (void)kind, (void)id, (void)fields, (void)count, (void)comment;
	return MED_EOK;
}

/* Many objects of each awkward sort: the work stays in proportion. */
START_TEST(many_objects)
{
	static const char *const unit[] = {
			IMPORT_OBJ("VoicePolicy", "<S N='Identity'>!</S>"),
			IMPORT_OBJ("TranslationRule",
					"<S N='Identity'>Global/x</S><S N='Pattern'>^1</S><S "
					"N='Translation'>2</S><I32 N='Priority'>3</I32>"),
			IMPORT_OBJ("DisplayPstnGateway",
					"<S N='Identity'>PstnGateway:t</S><S N='DependentServiceList'>t</S>"),
			IMPORT_OBJ("Route", "<S N='Identity'>r</S><S N='NumberPattern'>(?=1)</S>"),
	};

	for(size_t i = 0; i < COUNT(unit); i++) {
		char *text =
				repeat("<Objs xmlns='http://schemas.microsoft.com/powershell/2004/04'>",
						unit[i], 20000, "</Objs>");
		med_import_t *import = med_import_new(&med_mem_heap);
		med_import_sink_t sink = {quiet_object, quiet_note, NULL};
		int64_t before = cpu_ms();
		med_errbuf_t err = {""};
		ck_assert_int_eq(med_import_add(import, "f", med_str(text), NULL, &err), MED_EOK);
		ck_assert_msg(med_import_finish(import, &sink, &err) == MED_EOK, "%s", err.text);
		ck_assert_int_lt(cpu_ms() - before, SOON_MS);
		med_import_free(import);
		free(text);
	}
}
END_TEST

static void try_bytes(const char *bytes, size_t len)
{
	med_import_sink_t sink = {quiet_object, quiet_note, NULL};
	med_import_t *import = med_import_new(&med_mem_heap);
	char *copy = malloc(len == 0 ? 1 : len); /* one byte too far is seen */
	med_errbuf_t err;

	memcpy(copy, bytes, len);
	if(med_import_add(import, "Site_x.xml", (med_str_t){copy, len}, NULL, &err)
			== MED_EOK)
		ck_assert_int_eq(med_import_finish(import, &sink, &err), MED_EOK);
	free(copy);
	med_import_free(import);
}

/* A sample cut off at every byte; one with every byte changed, each third of them. */
START_TEST(cut_and_changed)
{
	static const char *const names[] = {
			"topology.xml", "trunkconfig.xml", "store-docitemset.xml", "builder.tbxml"};

	for(size_t i = 0; i < COUNT(names); i++) {
		med_str_t whole = import_sample(names[i]);
		char *bytes = (char *)(uintptr_t)whole.s;
		for(size_t len = 0; len < whole.len; len++)
			try_bytes(bytes, len);
		for(size_t at = 0; at < whole.len; at += 3) {
			char before = bytes[at];
			bytes[at] = (char)(before ^ (1 << at % 7));
			try_bytes(bytes, whole.len);
			bytes[at] = before;
		}
		free(bytes);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {encodings, a_topology_as_powershell_saves_it, surrogate_pairs,
			refused_with_advice, hostile_documents, references_to_references,
			many_objects, cut_and_changed};

	return core_run("import_bytes", tests, COUNT(tests));
}
