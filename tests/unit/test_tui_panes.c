/* What panes and dialogs decide without drawing: filters, settings, command lines, answering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/app.h"
#include "tui/audit_view.h"
#include "tui/violations.h"
#include "tui/width.h"

/* ---- audit ---------------------------------------------------------------- */

static void add(struct audit_view *v, const char *type, const char *decision, const char *target,
		int pid, int ppid)
{
	char json[512];

	snprintf(json, sizeof(json),
		 "{\"type\":\"%s\",\"timestamp\":\"2026-07-01T10:00:00.123456789+02:00\","
		 "\"op\":\"read\",\"decision\":\"%s\",\"pid\":%d,\"ppid\":%d,"
		 "\"program\":\"/usr/bin/prog%d\",\"target\":\"%s\"}",
		 type, decision, pid, ppid, pid, target);
	audit_view_add(v, "0123456789abcdef", "calm-otter", json, strlen(json), 0);
}

static void audit_filters(void **state)
{
	struct audit_view *v = audit_view_new();

	(void)state;
	add(v, "open", "allowed", "/etc/hosts", 10, 1);
	add(v, "open", "denied", "/etc/shadow", 11, 10);
	add(v, "exec", "allowed", "/usr/bin/git", 12, 10);
	add(v, "change", "denied", "/w/.git/hooks/x", 12, 10);
	assert_int_equal(audit_view_count(v), 4);
	v->filter.denied_only = true;
	audit_view_refilter(v);
	assert_int_equal(audit_view_count(v), 2);
	v->filter.show = SHOW_CHANGE;
	audit_view_refilter(v);
	assert_int_equal(audit_view_count(v), 1);
	v->filter = (struct audit_filter){.text = "SHADOW"};
	audit_view_refilter(v);
	assert_int_equal(audit_view_count(v), 1);
	assert_int_equal(audit_view_at(v, 0)->pid, 11);
	str_copy(v->filter.text, sizeof(v->filter.text), "calm-ot");
	audit_view_refilter(v);
	assert_int_equal(audit_view_count(v), 4);
	/* New events go through the filter, too. */
	v->filter = (struct audit_filter){.show = SHOW_EXEC};
	audit_view_refilter(v);
	add(v, "open", "allowed", "/x", 13, 1);
	add(v, "exec", "allowed", "/y", 14, 1);
	assert_int_equal(audit_view_count(v), 2);
	audit_view_add(v, "0123456789abcdef", "x", "{\"no\":\"type\"}", 13, 0);
	audit_view_add(v, "0123456789abcdef", "x", "not json", 8, 0);
	assert_int_equal(audit_view_count(v), 2);
	audit_view_free(v);
}

static void audit_keeps_the_last(void **state)
{
	struct audit_view *v = audit_view_new();
	char name[32];

	(void)state;
	for (int i = 0; i < 3 * AUDIT_KEEP; i++) {
		snprintf(name, sizeof(name), "/f%d", i);
		add(v, i % 2 ? "open" : "exec", "allowed", name, i + 2, 1);
		if (i == AUDIT_KEEP / 2)
			v->filter.show = SHOW_OPEN, audit_view_refilter(v);
	}
	assert_int_equal(audit_view_count(v), AUDIT_KEEP / 2);
	assert_int_equal(audit_view_at(v, audit_view_count(v) - 1)->pid, 3 * AUDIT_KEEP + 1);
	assert_null(audit_view_at(v, audit_view_count(v)));
	audit_view_clear(v);
	assert_int_equal(audit_view_count(v), 0);
	audit_view_free(v);
}

static void audit_moves(void **state)
{
	struct audit_view *v = audit_view_new();

	(void)state;
	audit_view_move(v, -1); /* nothing there */
	for (int i = 0; i < 100; i++)
		add(v, "open", "allowed", "/x", i + 2, 1);
	assert_true(v->follow);
	assert_int_equal(audit_view_selected(v), 99);
	audit_view_move(v, -10);
	assert_false(v->follow);
	assert_int_equal(audit_view_selected(v), 89);
	add(v, "open", "allowed", "/x", 200, 1); /* what is looked at stays */
	assert_int_equal(audit_view_selected(v), 89);
	audit_view_move(v, -1000);
	assert_int_equal(audit_view_selected(v), 0);
	audit_view_move(v, 1000);
	assert_true(v->follow);
	assert_int_equal(audit_view_selected(v), 100);
	audit_view_free(v);
}

static void audit_knows_parents(void **state)
{
	struct audit_view *v = audit_view_new();
	const struct audit_item *it;

	(void)state;
	add(v, "exec", "allowed", "/bin/sh", 10, 5);
	add(v, "exec", "allowed", "/bin/cat", 11, 10);
	add(v, "open", "denied", "/etc/shadow", 11, 10);
	add(v, "exec", "allowed", "/bin/other", 10, 7); /* the number was used again later */
	it = audit_view_process(v, "0123456789abcdef", 10, 2);
	assert_non_null(it);
	assert_int_equal(it->ppid, 5);
	assert_null(audit_view_process(v, "0123456789abcdef", 99, 4));
	assert_null(audit_view_process(v, "ffffffffffffffff", 10, 4));
	audit_view_free(v);
}

/* ---- answering -------------------------------------------------------------- */

static void typing_never_answers(void **state)
{
	uint64_t s = 1000000000ull, opened = 100 * s;

	(void)state;
	assert_false(requests_armed(opened, opened, 0));
	assert_false(requests_armed(opened + GUARD_NS - 1, opened, 0));
	assert_true(requests_armed(opened + GUARD_NS, opened, 0));
	/* Typing that goes on keeps it unarmed. */
	assert_false(requests_armed(opened + 3 * s, opened, opened + 3 * s - GUARD_NS / 2));
	assert_true(requests_armed(opened + 3 * s, opened, opened + 2 * s));
	/* A clock that seems to go back arms nothing. */
	assert_false(requests_armed(opened - 1, opened, 0));
}

/* Looks every 100 ms from..to; says whether keys answer at the end. */
static bool looked(struct request_box *b, uint64_t from, uint64_t to, uint64_t last_key)
{
	for (uint64_t now = from; now <= to; now += 100000000ull)
		requests_look(b, now, last_key);
	return b->ready;
}

static void keys_that_waited_never_answer(void **state)
{
	const uint64_t ms = 1000000ull, s = 1000 * ms, t = 100 * s;
	struct request_box b = {.open = true, .opened_ns = t};

	(void)state;
	assert_false(looked(&b, t, t + 500 * ms, 0));
	assert_true(looked(&b, t + 600 * ms, t + 900 * ms, 0));
	/* A key that went to the agent. */
	assert_false(looked(&b, t + s, t + s, t + s));
	assert_false(looked(&b, t + s, t + s + 500 * ms, t + s));
	assert_true(looked(&b, t + s + 600 * ms, t + s + 800 * ms, t + s));
	/* Held up for two seconds: what was typed meanwhile is read right after. */
	assert_false(looked(&b, t + 4 * s, t + 4 * s, t + s));
	assert_true(looked(&b, t + 4 * s + 100 * ms, t + 4 * s + 300 * ms, t + s));
	/* Held up before it was ready at all. */
	b = (struct request_box){.open = true, .opened_ns = t, .looked_ns = t};
	assert_false(looked(&b, t + 3 * s, t + 3 * s, 0));
	b.open = false;
	assert_false(looked(&b, t + 3 * s, t + 5 * s, 0));
}

static void access_needed(void **state)
{
	struct violation_item v = {.target = "/x", .op = "read"};

	(void)state;
	assert_string_equal(violation_access(&v), "read");
	str_copy(v.op, sizeof(v.op), "unlink");
	assert_string_equal(violation_access(&v), "write");
	str_copy(v.op, sizeof(v.op), "exec");
	assert_string_equal(violation_access(&v), "exec");
	str_copy(v.target, sizeof(v.target), "example.org:443");
	assert_null(violation_access(&v));
}

/* ---- settings ------------------------------------------------------------------ */

static int parse(struct tui_config *c, const char *text, struct err *err)
{
	config_defaults(c);
	return config_parse(c, text, strlen(text), "c.toml", err);
}

static void settings(void **state)
{
	struct tui_config c;
	struct err err;

	(void)state;
	assert_int_equal(
	    parse(&c,
		  "# mine\n[redaction]\nprefix = 12 # theirs\n\n[ui]\n"
		  "prefix = \"C-a\" # as in screen\nclipboard='off'\n"
		  "bell = false\ntheme = \"dark\"\n[overrides.commands.x]\nprefix = 1\n",
		  &err),
	    0);
	assert_string_equal(c.prefix, "C-a");
	assert_int_equal(c.clipboard, CLIPBOARD_OFF);
	assert_false(c.bell);
	assert_true(c.notifications);
	assert_int_equal(parse(&c, "ui = { mouse = false, prefix = '''C-q''' }\n", &err), 0);
	assert_string_equal(c.prefix, "C-q");
	assert_false(c.mouse);
	assert_int_equal(parse(&c, "", &err), 0);
	assert_string_equal(c.prefix, "C-b");
}

static void bad_settings(void **state)
{
	static const struct {
		const char *text, *message; /* how it begins */
	} bad[] = {
	    {"[ui]\nprefix = C-a\n", "c.toml:2:10: \"C-a\": not a value"},
	    {"[ui]\nprefix = \"nothing\"\n", "c.toml:2:1: \"prefix\" must be the name of a key"},
	    {"[ui]\nclipboard = \"yes\"\n",
	     "c.toml:2:1: \"clipboard\" must be \"ask\", \"focused\""},
	    {"[ui]\n\nbell = 'true'\n", "c.toml:3:1: \"bell\" must be true or false"},
	    {"[ui]\nbell = maybe\n", "c.toml:2:8: \"maybe\""},
	    {"[ui]\nbell = true x\n", "c.toml:2:13: 'x' where the end of the line"},
	    {"[ui]\nprefix \"C-a\"\n", "c.toml:2:8: '\"' where '='"},
	    {"[ui\nbell = true\n", "c.toml:1:4: the line ends"},
	    {"[ui]\nprefix = \"C-a\" \"x\"\n", "c.toml:2:16: "},
	    {"[ui]\nbel = true\n", "c.toml:2:1: \"bel\" is not known; did you mean \"bell\"?"},
	    {"[ui]\nzzzzzzzz = true\n", "c.toml:2:1: \"zzzzzzzz\" is not known"},
	    {"[u]\nbell = true\n", "c.toml:1:2: \"u\" is not known; did you mean \"ui\"?"},
	    {"[ui.keys]\nx = 1\n", "c.toml:1:5: \"keys\" is not known"},
	    {"ui = 1\n", "c.toml:1:1: \"ui\" must be a table"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct tui_config c;
		struct err err = {0};

		assert_int_equal(parse(&c, bad[i].text, &err), -1);
		assert_int_equal(err.cls, ERR_USAGE);
		if (!str_starts(err.msg, bad[i].message))
			fail_msg("says %s\nnot %s", err.msg, bad[i].message);
		assert_string_equal(c.prefix, "C-b");
	}
}

/* ---- command lines --------------------------------------------------------------- */

static void words(void **state)
{
	static const struct {
		const char *line, *want;
	} good[] = {
	    {"claude", "claude|"},
	    {"  a  b\tc ", "a|b|c|"},
	    {"sh -c 'a | b; c'", "sh|-c|a | b; c|"},
	    {"x \"a \\\" b\" c\\ d", "x|a \" b|c d|"},
	    {"x '' \"\"", "x|||"},
	    {"a'b'\"c\"", "abc|"},
	    {"", ""},
	};
	static const char *const bad[] = {"a | b", "a; b",   "echo $HOME", "a 'b", "a \"b",
					  "a > b", "a && b", "$(x)",	   "`x`",  "*.c"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char **v = words_split(good[i].line, &err);
		_cleanup_(buf_free) struct buf got = {0};

		assert_non_null(v);
		for (size_t k = 0; v[k]; k++)
			buf_addf(&got, "%s|", v[k]);
		assert_string_equal(got.data ? got.data : "", good[i].want);
		strv_free(v);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(words_split(bad[i], &err));
}

static void tails(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(width_tail("/etc/hosts", 20, out, sizeof(out)), "/etc/hosts");
	assert_string_equal(width_tail("/etc/hosts", 6, out, sizeof(out)), "…hosts");
	assert_string_equal(width_tail("/中文", 3, out, sizeof(out)), "…文");
	assert_string_equal(width_tail("abc", 0, out, sizeof(out)), "");
}

/* ---- copying ---------------------------------------------------------------- */

/* What is pasted later is what a person has copied, whatever a screen's host sends. */
static void copied_only_when_asked(void **state)
{
	struct tui *t = xcalloc(1, sizeof(*t));
	struct agent asked = {.tui = t}, other = {.tui = t};

	(void)state;
	scroll_copied(&other, 0, false, "evil", 4); /* before anybody asked anything */
	assert_int_equal(t->copy.text.len, 0);
	t->copy.id = asked.copy_id = 1;
	scroll_copied(&other, 1, false, "evil", 4);
	assert_int_equal(t->copy.text.len, 0);
	scroll_copied(&asked, 1, false, "mine", 4);
	assert_int_equal(t->copy.text.len, 4);
	scroll_copied(&asked, 1, false, "evil!", 5); /* again */
	scroll_copied(&other, 1, false, "evil!", 5);
	assert_int_equal(t->copy.text.len, 4);
	assert_memory_equal(t->copy.text.data, "mine", 4);
	buf_free(&t->copy.text);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(audit_filters),
	    cmocka_unit_test(audit_keeps_the_last),
	    cmocka_unit_test(audit_moves),
	    cmocka_unit_test(audit_knows_parents),
	    cmocka_unit_test(keys_that_waited_never_answer),
	    cmocka_unit_test(access_needed),
	    cmocka_unit_test(typing_never_answers),
	    cmocka_unit_test(settings),
	    cmocka_unit_test(bad_settings),
	    cmocka_unit_test(words),
	    cmocka_unit_test(tails),
	    cmocka_unit_test(copied_only_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
