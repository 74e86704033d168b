/**
 * import_bytes.c - from a file's bytes to UTF-8, or to what to do with it instead
 *
 * The byte order mark decides, then zero bytes; a declaration inside the file decides
 * nothing, for tools copy and convert files without changing it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE
#include <string.h>

#include "medcore/import_priv.h"

#define UTF16_LITTLE 1
#define UTF16_BIG 2

static bool begins_with(med_str_t bytes, const char *with, size_t len)
{
	return bytes.len >= len && memcmp(bytes.s, with, len) == 0;
}

static uint32_t unit_at(med_str_t bytes, size_t at, int order)
{
	const unsigned char *b = (const unsigned char *)bytes.s + at;

	return order == UTF16_BIG ? (uint32_t)(b[0] << 8 | b[1])
							  : (uint32_t)(b[1] << 8 | b[0]);
}

size_t med_utf8_write(uint32_t code, char *out)
{
	if(code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if(code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if(code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static int from_utf16(med_blocks_t *blocks, med_str_t bytes, int order, med_str_t *utf8,
		med_errbuf_t *err)
{
	/* Three bytes at most for each unit: a pair of units makes four. */
	char *out = med_blocks_take(blocks, bytes.len / 2 + 1, 3);
	size_t used = 0;

	if(bytes.len % 2 != 0)
		return med_fail(err, MED_EINVAL,
				"UTF-16 with half a character at its end; the file is cut off");
	if(out == NULL)
		return blocks->error;
	for(size_t at = 0; at < bytes.len; at += 2) {
		uint32_t code = unit_at(bytes, at, order);
		if(code >= 0xd800 && code < 0xdc00 && at + 3 < bytes.len) {
			uint32_t low = unit_at(bytes, at + 2, order);
			if(low >= 0xdc00 && low < 0xe000) {
				code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
				at += 2;
			}
		}
		if(code >= 0xd800 && code < 0xe000)
			return med_fail(err, MED_EINVAL,
					"UTF-16 with half a surrogate pair at byte %zu; the file is damaged",
					at);
		used += med_utf8_write(code, out + used);
	}
	*utf8 = (med_str_t){out, used};
	return MED_EOK;
}

/* A declaration has done its work, or lies. */
static med_str_t without_declaration(med_str_t text)
{
	const char *end;

	if(!begins_with(text, "<?xml", 5) || text.len < 6
			|| strchr(" \t\r\n", text.s[5]) == NULL)
		return text;
	end = memmem(text.s, text.len, "?>", 2);
	if(end == NULL)
		return text;
	return (med_str_t){end + 2, text.len - (size_t)(end + 2 - text.s)};
}

static bool ends_with(const char *name, const char *with)
{
	size_t len = strlen(name), tail = strlen(with);

	return len >= tail && med_str_eq_nocase(med_str(name + len - tail), med_str(with));
}

/* The forms of the specification's part 0.1 that are no XML. */
static int not_xml(const char *name, med_str_t text, med_errbuf_t *err)
{
	if(text.len == 0)
		return med_fail(err, MED_EINVAL, "the file is empty");
	if(ends_with(name, ".vcfg"))
		return med_fail(err, MED_EINVAL,
				"a .vcfg of the Control Panel: its form is not known; export with "
				"PowerShell instead, see modules/medctl/MIGRATION.md");
	return med_fail(err, MED_EINVAL,
			"not XML; for a topology save it again with (Get-CsTopology "
			"-AsXml).ToString(), "
			"everything else with Export-Clixml, see modules/medctl/MIGRATION.md");
}

int med_import_decode(med_blocks_t *blocks, const char *name, med_str_t bytes,
		med_str_t *utf8, med_errbuf_t *err)
{
	int order = 0, rc;

	if(begins_with(bytes, "PK\x03\x04", 4))
		return med_fail(err, MED_EINVAL,
				"a zip (Export-CsConfiguration?): unpack it and import the .xml files in "
				"it");
	if(begins_with(bytes, "\xff\xfe\0\0", 4) || begins_with(bytes, "\0\0\xfe\xff", 4))
		return med_fail(err, MED_EINVAL, "UTF-32; save it as UTF-8");
	if(begins_with(bytes, "\xef\xbb\xbf", 3))
		bytes = (med_str_t){bytes.s + 3, bytes.len - 3};
	else if(begins_with(bytes, "\xff\xfe", 2) || begins_with(bytes, "<\0", 2))
		order = UTF16_LITTLE;
	else if(begins_with(bytes, "\xfe\xff", 2) || begins_with(bytes, "\0<", 2))
		order = UTF16_BIG;
	if(order != 0 && bytes.s[0] != '<' && bytes.s[0] != '\0')
		bytes = (med_str_t){bytes.s + 2, bytes.len - 2};
	if(order != 0) {
		rc = from_utf16(blocks, bytes, order, &bytes, err);
		if(rc != MED_EOK)
			return rc;
	}
	*utf8 = med_text_strip(bytes);
	if(utf8->len == 0 || utf8->s[0] != '<')
		return not_xml(name, *utf8, err);
	*utf8 = without_declaration(*utf8);
	return MED_EOK;
}
