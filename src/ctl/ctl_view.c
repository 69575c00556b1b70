#include "ctl/ctl_view.h"

#include "base/util.h"
#include "ctl/ctl_table.h"
#include "ctl/ctl_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = CTL_TABLE_CELL_MAX, LINE = 4096, MAX_GROUPS = 16 };

/* The columns of the table of sessions.  The name and the addresses always stay. */
enum {
	COL_NAME,
	COL_ADDRS,
	COL_PEER,
	COL_SINCE,
	COL_RX,
	COL_TX,
	COL_RTT,
	COL_SUITE,
	COL_GROUP,
	COL_OFFLOAD
};
static const struct ctl_column columns[] = {
	[COL_NAME] = { .title = "NAME", .min = 8 },
	[COL_ADDRS] = { .title = "ADDRESSES", .min = 15 },
	[COL_PEER] = { .title = "PEER", .drop = 5 },
	[COL_SINCE] = { .title = "SINCE", .drop = 1, .right = true },
	[COL_RX] = { .title = "RECEIVED", .drop = 3, .right = true },
	[COL_TX] = { .title = "SENT", .drop = 2, .right = true },
	[COL_RTT] = { .title = "RTT", .drop = 4, .right = true },
	[COL_SUITE] = { .title = "SUITE", .drop = 8 },
	[COL_GROUP] = { .title = "GROUP", .drop = 6 },
	[COL_OFFLOAD] = { .title = "OFFLOAD", .drop = 7 },
};

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL && s[0] != '\0' ? s : "-";
}

/* -1 when there is no such number. */
static int64_t num(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : -1;
}

/* The strings of an array with spaces between; "-" when there are none.  What does not fit is left out. */
static char *joined(const json_t *array, char *out, size_t cap)
{
	size_t len = 0;

	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *s = json_string_value(json_array_get(array, i));
		if (s == NULL || len + strlen(s) + 2 > cap)
			continue;
		len += (size_t)snprintf(out + len, cap - len, "%s%s", len > 0 ? " " : "", s);
	}
	if (len == 0)
		(void)snprintf(out, cap, "-");
	return out;
}

/* TLS_AES_256_GCM_SHA384 -> AES_256_GCM: what differs between the three suites of TLS 1.3 that we speak. */
static char *short_suite(const json_t *session, char *out, size_t cap)
{
	const char *s = str(session, "suite");

	(void)snprintf(out, cap, "%s", strncmp(s, "TLS_", 4) == 0 ? s + 4 : s);
	char *hash = strstr(out, "_SHA");
	if (hash != NULL)
		*hash = '\0';
	return out;
}

static char *offload_of(const json_t *session, char *out, size_t cap)
{
	const json_t *kinds = json_object_get(session, "offload");

	if (json_is_array(kinds) && json_array_size(kinds) == 0)
		(void)snprintf(out, cap, "off");
	else
		joined(kinds, out, cap);
	return out;
}

static int add_session(struct ctl_table *t, const json_t *s, int64_t now)
{
	char addrs[CELL], since[CTL_TEXT_MAX], rx[CTL_TEXT_MAX], tx[CTL_TEXT_MAX],
		rtt[CTL_TEXT_MAX], suite[CELL], offload[CELL], state[CELL];
	const char *cells[ARRAY_LEN(columns)];
	int64_t began = num(s, "since");

	cells[COL_NAME] = str(s, "name");
	cells[COL_ADDRS] = joined(json_object_get(s, "addresses"), addrs, sizeof(addrs));
	cells[COL_PEER] = str(s, "peer");
	cells[COL_SINCE] = began < 0 || now < 0 ? "-" : ctl_text_duration(now - began, since);
	cells[COL_RX] = ctl_text_bytes((uint64_t)MAX(num(s, "rx_bytes"), 0), rx);
	cells[COL_TX] = ctl_text_bytes((uint64_t)MAX(num(s, "tx_bytes"), 0), tx);
	cells[COL_RTT] = ctl_text_rtt(num(s, "rtt_us"), rtt);
	cells[COL_SUITE] = short_suite(s, suite, sizeof(suite));
	cells[COL_GROUP] = str(s, "group");
	cells[COL_OFFLOAD] = offload_of(s, offload, sizeof(offload));
	if (strcmp(str(s, "state"), "open") != 0) {
		(void)snprintf(state, sizeof(state), "%s (%s)", cells[COL_NAME], str(s, "state"));
		cells[COL_NAME] = state;
	}
	return ctl_table_row(t, cells);
}

/* How much of text goes on a line of room columns: up to a space, else cut between two characters. */
static size_t line_len(const char *text, size_t room)
{
	size_t len = strlen(text);

	if (len <= room)
		return len;
	const char *space = memrchr(text, ' ', room + 1);
	if (space != NULL && space > text)
		return (size_t)(space - text);
	for (len = room; len > 1 && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

/* Print "label  text", the text's further lines under its first. */
static void print_field(FILE *out, size_t width, const char *label, const char *text)
{
	enum { INDENT = 14, LEAST = 16 };
	size_t room = width == 0 ? LINE : MAX(width > INDENT ? width - INDENT : 0, (size_t)LEAST);
	char clean[LINE];

	(void)ctl_text_clean(clean, sizeof(clean), sizeof(clean), text);
	for (const char *at = clean; *at != '\0' || at == clean;) {
		size_t len = line_len(at, room);
		(void)fprintf(out, "  %-11s %.*s\n", at == clean ? label : "", (int)len, at);
		at += len + (at[len] == ' ');
		if (len == 0)
			break;
	}
}

/* "3 x alpha, 1 x beta": how often each text occurs among the sessions. */
struct tally {
	char texts[MAX_GROUPS][CELL];
	size_t counts[MAX_GROUPS];
	size_t n, others;
	size_t sessions;
};

static void tally_add(struct tally *t, const char *text)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->texts[i], text) != 0)
		i++;
	if (i == MAX_GROUPS) {
		t->others++;
		return;
	}
	if (i == t->n) {
		(void)snprintf(t->texts[i], CELL, "%s", text);
		t->n++;
	}
	t->counts[i]++;
}

static void tally_print(const struct tally *t, FILE *out, size_t width, const char *label)
{
	char line[LINE];
	size_t len = 0;

	if (t->n == 0)
		return;
	if (t->counts[0] == t->sessions) {
		print_field(out, width, label, t->texts[0]); /* All alike. */
		return;
	}
	for (size_t i = 0; i < t->n && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%zu x %s",
			i > 0 ? ", " : "", t->counts[i], t->texts[i]);
	if (t->others > 0 && len < sizeof(line))
		(void)snprintf(line + len, sizeof(line) - len, ", %zu x other", t->others);
	print_field(out, width, label, line);
}

/* What the columns that found no room would have said, and why offload is off where it is. */
static void print_tallies(
	const json_t *sessions, const struct ctl_table *t, size_t width, FILE *out)
{
	enum { SUITE, GROUP, OFFLOAD, REASON, CONGESTION, N };
	static const char *const labels[N] = { "suite", "group", "offload", "no offload",
		"congestion" };
	struct tally *tallies = calloc(N, sizeof(*tallies));
	char cell[CELL];
	const json_t *s;
	size_t i;

	if (tallies == NULL)
		return;
	json_array_foreach(sessions, i, s)
	{
		if (!ctl_table_shown(t, COL_SUITE))
			tally_add(&tallies[SUITE], short_suite(s, cell, sizeof(cell)));
		if (!ctl_table_shown(t, COL_GROUP))
			tally_add(&tallies[GROUP], str(s, "group"));
		if (!ctl_table_shown(t, COL_OFFLOAD))
			tally_add(&tallies[OFFLOAD], offload_of(s, cell, sizeof(cell)));
		if (strcmp(str(s, "offload_reason"), "-") != 0)
			tally_add(&tallies[REASON], str(s, "offload_reason"));
		tally_add(&tallies[CONGESTION], str(s, "congestion"));
	}
	for (i = 0; i < N; i++) {
		tallies[i].sessions = json_array_size(sessions);
		tally_print(&tallies[i], out, width, labels[i]);
	}
	free(tallies);
}

static int print_sessions(const json_t *status, size_t width, FILE *out)
{
	const json_t *sessions = json_object_get(status, "sessions"), *s;
	struct ctl_table *t = NULL;
	size_t i;

	if (json_array_size(sessions) == 0) {
		(void)fprintf(out, "\nNo session.\n");
		return 0;
	}
	int r = ctl_table_create(columns, ARRAY_LEN(columns), &t);
	json_array_foreach(sessions, i, s)
	{
		if (r == 0)
			r = add_session(t, s, num(status, "now"));
	}
	if (r == 0) {
		ctl_table_fit(t, width);
		(void)fputc('\n', out);
		ctl_table_print(t, out);
		(void)fputc('\n', out);
		print_tallies(sessions, t, width, out);
	}
	ctl_table_free(t);
	return r;
}

/* Add "name 3" for each member of a counter object that is not zero. */
static char *counted(json_t *counters, char *out, size_t cap)
{
	const char *name;
	const json_t *v;
	size_t len = 0;

	out[0] = '\0';
	json_object_foreach (counters, name, v) {
		if (json_integer_value(v) == 0 || len >= cap)
			continue;
		len += (size_t)snprintf(out + len, cap - len, "%s%s %lld", len > 0 ? ", " : "",
			name, (long long)json_integer_value(v));
	}
	if (len == 0)
		(void)snprintf(out, cap, "none");
	return out;
}

static void print_counters(const json_t *status, size_t width, FILE *out)
{
	const json_t *c = json_object_get(status, "counters");
	char line[LINE];

	if (!json_is_object(c))
		return;
	if (num(c, "accepted") >= 0) {
		(void)snprintf(line, sizeof(line),
			"%zu open, %" PRId64 " established of %" PRId64 " accepted",
			json_array_size(json_object_get(status, "sessions")), num(c, "established"),
			num(c, "accepted"));
		print_field(out, width, "sessions", line);
	}
	if (json_object_get(c, "refused") != NULL)
		print_field(out, width, "refused",
			counted(json_object_get(c, "refused"), line, sizeof(line)));
	if (json_object_get(c, "drops") != NULL)
		print_field(out, width, "dropped",
			counted(json_object_get(c, "drops"), line, sizeof(line)));
}

static void print_offload(const json_t *status, size_t width, FILE *out)
{
	json_t *o = json_object_get(status, "offload");
	const char *name, *reason = str(o, "reason");
	const json_t *v;
	char line[LINE];
	size_t len = 0;

	json_object_foreach (o, name, v) {
		if (json_is_boolean(v) && len < sizeof(line))
			len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s %s",
				len > 0 ? ", " : "", name, json_is_true(v) ? "on" : "off");
	}
	if (strcmp(reason, "-") != 0 && len < sizeof(line))
		(void)snprintf(line + len, sizeof(line) - len, "%s%s", len > 0 ? ": " : "", reason);
	if (len > 0)
		print_field(out, width, "offload", line);
}

static void print_days(const json_t *status, size_t width, FILE *out)
{
	static const char *const names[] = { "certificate", "ca", "crl" };
	const json_t *days = json_object_get(status, "days");
	char line[LINE] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *v = json_object_get(days, names[i]);
		if (json_is_integer(v))
			len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s %lld",
				len > 0 ? ", " : "", names[i], (long long)json_integer_value(v));
	}
	if (len > 0)
		print_field(out, width, "days left", line);
}

static void print_head(const json_t *status, size_t width, FILE *out)
{
	char line[LINE], list[LINE / 2], clean[LINE], age[CTL_TEXT_MAX];
	int64_t started = num(status, "started"), now = num(status, "now");

	(void)snprintf(line, sizeof(line), "%s %s, %s", str(status, "program"),
		str(status, "version"), str(status, "state"));
	(void)ctl_text_clean(clean, sizeof(clean), sizeof(clean), line);
	(void)fprintf(out, "%s\n", clean);
	if (started >= 0 && now >= 0) {
		(void)snprintf(line, sizeof(line), "%s ago (pid %" PRId64 ", %s)",
			ctl_text_duration(now - started, age), num(status, "pid"),
			str(status, "library"));
		print_field(out, width, "since", line);
	}
	print_field(out, width, "identity", str(status, "identity"));
	if (json_object_get(status, "remote") != NULL)
		print_field(out, width, "remote", str(status, "remote"));
	if (json_object_get(status, "listen") != NULL) {
		joined(json_object_get(status, "listen"), list, sizeof(list));
		(void)snprintf(line, sizeof(line), "%s (workers: %" PRId64 ")", list,
			num(status, "workers"));
		print_field(out, width, "listening", line);
	}
	if (num(status, "retry_in_s") >= 0) {
		(void)snprintf(line, sizeof(line), "in %" PRId64 " s", num(status, "retry_in_s"));
		print_field(out, width, "next try", line);
	}
	(void)snprintf(line, sizeof(line), "%s, MTU %" PRId64 ", %s", str(status, "device"),
		num(status, "mtu"),
		joined(json_object_get(status, "addresses"), list, sizeof(list)));
	print_field(out, width, "device", line);
	if (json_array_size(json_object_get(status, "routes")) > 0)
		print_field(out, width, "routes",
			joined(json_object_get(status, "routes"), list, sizeof(list)));
	print_offload(status, width, out);
	print_days(status, width, out);
}

int ctl_view_status(const json_t *status, size_t width, FILE *out)
{
	print_head(status, width, out);
	int r = print_sessions(status, width, out);
	print_counters(status, width, out);
	return r;
}
