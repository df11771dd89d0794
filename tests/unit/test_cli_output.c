/* Help and man page know every command and option; JSON comes out whole and harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/cli.h"

/* ---- documents ----------------------------------------------------------------------- */

static char *asset(const char *name)
{
	_cleanup_free_ char *path = xasprintf(NONO_SOURCE_ASSET_DIR "/%s", name);
	struct err err = {0};
	char *text = file_read(path, 1 << 20, NULL, &err);

	if (!text)
		fail_msg("%s", err.msg);
	return text;
}

/* The man page writes a minus as "\-". */
static char *plain(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++)
		if (*p != '\\' || p[1] != '-')
			*to++ = *p;
	*to = '\0';
	return text;
}

static void wants(const char *document, const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("%s does not know %s", document, word);
}

static void knows(const char *document, const char *text, const struct command *c)
{
	wants(document, text, c->name);
	for (const struct option_row *r = c->rows; r && r->name; r++) {
		_cleanup_free_ char *word = xasprintf("--%s", r->name);
		if (r->help && (!r->only || (r->only & c->mask)))
			wants(document, text, word);
	}
	for (size_t i = 0; c->subs && c->subs[i]; i++)
		knows(document, text, c->subs[i]);
}

static void test_documents(void **state)
{
	_cleanup_free_ char *text = plain(asset("man/nono.1"));

	(void)state;
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->group != GROUP_HIDDEN)
			knows("man/nono.1", text, cli_commands[i]);
}

static void test_help(void **state)
{
	_cleanup_(buf_free) struct buf all = {0};

	(void)state;
	help_all(&all);
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct command *c = cli_commands[i];
		_cleanup_(buf_free) struct buf one = {0};

		if (c->group == GROUP_HIDDEN)
			continue;
		wants("the help", all.data, c->summary);
		assert_ptr_equal(cli_find(c->name), c);
		help_command(c, &one);
		wants(c->name, one.data, c->summary);
		wants(c->name, one.data, "Usage: nono ");
		for (const struct option_row *r = c->rows; r && r->name; r++) {
			_cleanup_free_ char *word = xasprintf("--%s", r->name);
			if (r->help && (!r->only || (r->only & c->mask)))
				wants(c->name, one.data, word);
		}
		/* Lines fit a terminal. */
		for (char *save = NULL, *l = strtok_r(one.data, "\n", &save); l;
		     l = strtok_r(NULL, "\n", &save))
			if (strlen(l) > 100)
				fail_msg("nono %s --help: too long: %s", c->name, l);
	}
	assert_ptr_equal(cli_find("resume"), &command_attach);
	assert_ptr_equal(cli_find("pause"), &command_detach);
	assert_null(cli_find("nothing"));
}

/* Letters and places of a command's options do not clash. */
static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct command *c = cli_commands[i];
		bool seen[128] = {['s'] = true, ['h'] = true, ['V'] = true};

		for (const struct option_row *r = c->rows; r && r->name; r++) {
			if (r->only && !(r->only & c->mask))
				continue;
			assert_true(r->offset < c->size);
			if (r->letter) {
				assert_false(seen[(int)r->letter]);
				seen[(int)r->letter] = true;
			}
		}
		assert_true(c->min_args <= c->max_args);
		assert_true(!c->min_args || c->arg);
	}
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void test_pretty(void **state)
{
	static const char in[] =
	    "{\"a\":[1,2,{\"b\":\"x,y:{[\\\"\"}],\"c\":{},\"d\":[], \"e\" : null}";
	static const char want[] = "{\n"
				   "  \"a\": [\n"
				   "    1,\n"
				   "    2,\n"
				   "    {\n"
				   "      \"b\": \"x,y:{[\\\"\"\n"
				   "    }\n"
				   "  ],\n"
				   "  \"c\": {},\n"
				   "  \"d\": [],\n"
				   "  \"e\": null\n"
				   "}";
	_cleanup_(buf_free) struct buf out = {0};

	(void)state;
	json_pretty(&out, in, sizeof(in) - 1);
	assert_string_equal(out.data, want);
	buf_clear(&out);
	json_pretty(&out, "[]", 2);
	assert_string_equal(out.data, "[]");
}

static void test_safe(void **state)
{
	/* plain, é, C1, bidi, invalid, DEL, tag character beyond the basic plane */
	static const char in[] = "\"a\xc3\xa9\xc2\x9b\xe2\x80\xae\xff\x7f\xf3\xa0\x80\x81\"";
	static const char want[] = "\"a\xc3\xa9\\u009b\\u202e\\ufffd\\u007f\\udb40\\udc01\"";
	_cleanup_(buf_free) struct buf out = {0};
	cJSON *before, *after;

	(void)state;
	json_safe(&out, in, sizeof(in) - 1);
	assert_string_equal(out.data, want);
	before = cJSON_Parse("\"\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\"");
	buf_clear(&out);
	json_safe(&out, "\"\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\"", 11);
	after = cJSON_Parse(out.data);
	assert_string_equal(before->valuestring, after->valuestring);
	cJSON_Delete(before);
	cJSON_Delete(after);
}

static void test_command_text(void **state)
{
	char *argv[] = {"node", "a b", "\x1b[2J", NULL}, out[64];

	(void)state;
	command_text(argv, out, sizeof(out));
	assert_string_equal(out, "node a b ^[[2J");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_documents), cmocka_unit_test(test_help),
	    cmocka_unit_test(test_tables),    cmocka_unit_test(test_pretty),
	    cmocka_unit_test(test_safe),      cmocka_unit_test(test_command_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
