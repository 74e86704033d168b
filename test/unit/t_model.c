/**
 * t_model.c - kinds, addresses and subnets
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "core_test.h"

START_TEST(kinds)
{
	enum med_kind kind;

	for(unsigned i = 0; i < MED_KIND_COUNT; i++) {
		ck_assert_int_eq(med_kind_parse(med_str(med_kind_name(i)), &kind), MED_EOK);
		ck_assert_uint_eq(kind, i);
	}
	ck_assert_ptr_null(med_kind_name(MED_KIND_COUNT));
	ck_assert_int_eq(med_kind_parse(MED_STR("Trunk"), &kind), MED_EINVAL);
	ck_assert_int_eq(med_kind_parse(MED_STR(""), &kind), MED_EINVAL);
}
END_TEST

START_TEST(addresses)
{
	static const struct {
		const char *text, *shown; /* NULL: refused */
		int prefix;
	} row[] = {{"192.0.2.1", "192.0.2.1", 128}, {"192.0.2.77/24", "192.0.2.0", 120},
			{"0.0.0.0/0", "0.0.0.0", 96}, {"::/0", "::", 0},
			{"2001:db8::1", "2001:db8::1", 128}, {"[2001:db8::1]", "2001:db8::1", 128},
			{"2001:db8:ffff::/33", "2001:db8:8000::", 33},
			{"::ffff:192.0.2.1", "192.0.2.1", 128}, {"", NULL, 0}, {"/8", NULL, 0},
			{"192.0.2.1/", NULL, 0}, {"192.0.2.1/33", NULL, 0}, {"192.0.2.1/08", NULL, 0},
			{"::1/129", NULL, 0}, {"192.0.2", NULL, 0}, {"192.0.2.1 ", NULL, 0},
			{"[]", NULL, 0}, {"[192.0.2.1", NULL, 0}, {"1.2.3.4/-1", NULL, 0},
			{"0123456789012345678901234567890123456789012345678901", NULL, 0}};
	char shown[48];
	med_ip_t ip;

	for(size_t i = 0; i < COUNT(row); i++) {
		int rc = med_ip_parse(med_str(row[i].text), &ip);
		ck_assert_msg(
				(rc == MED_EOK) == (row[i].shown != NULL), "%s: %d", row[i].text, rc);
		if(rc != MED_EOK)
			continue;
		med_ip_format(&ip, shown, sizeof(shown));
		ck_assert_str_eq(shown, row[i].shown);
		ck_assert_int_eq(ip.prefix, row[i].prefix);
	}
}
END_TEST

START_TEST(subnets)
{
	static const struct {
		const char *subnet, *address;
		bool inside;
	} row[] = {{"192.0.2.0/24", "192.0.2.255", true},
			{"192.0.2.0/24", "192.0.3.0", false},
			{"192.0.2.128/25", "192.0.2.127", false}, {"192.0.2.1", "192.0.2.1", true},
			{"192.0.2.1", "192.0.2.2", false}, {"0.0.0.0/0", "2001:db8::1", false},
			{"::/0", "192.0.2.1", true}, {"2001:db8::/33", "2001:db8:7fff::1", true},
			{"2001:db8::/33", "2001:db8:8000::1", false},
			{"192.0.2.0/25", "192.0.2.0/24", false},
			{"192.0.2.0/24", "192.0.2.0/25", true}};
	med_ip_t subnet, address, masked;

	for(size_t i = 0; i < COUNT(row); i++) {
		ck_assert_int_eq(med_ip_parse(med_str(row[i].subnet), &subnet), MED_EOK);
		ck_assert_int_eq(med_ip_parse(med_str(row[i].address), &address), MED_EOK);
		ck_assert_msg(med_ip_contains(&subnet, &address) == row[i].inside, "%s in %s",
				row[i].address, row[i].subnet);
		masked = med_ip_mask(&address, subnet.prefix);
		ck_assert_int_eq(memcmp(&masked, &subnet, sizeof(masked)) == 0, row[i].inside);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {kinds, addresses, subnets};

	return core_run("model", tests, COUNT(tests));
}
