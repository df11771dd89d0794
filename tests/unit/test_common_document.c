/* What files say: the three readers, their errors with places, and what must not take long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/document.h"

static void dump_string(struct buf *b, const char *s)
{
	buf_add_json_str(b, s, strlen(s));
}

/* Canonical text of a tree: as JSON, floats with all digits. */
static void dump(struct buf *b, const struct doc *d)
{
	switch (d->kind) {
	case DOC_NULL:
		buf_adds(b, "null");
		break;
	case DOC_BOOL:
		buf_adds(b, d->boolean ? "true" : "false");
		break;
	case DOC_INT:
		buf_addf(b, "%lld", (long long)d->integer);
		break;
	case DOC_FLOAT:
		buf_addf(b, "%.17gf", d->real);
		break;
	case DOC_STRING:
		dump_string(b, d->string);
		break;
	case DOC_LIST:
	case DOC_MAP: {
		size_t n = 0;

		buf_addc(b, d->kind == DOC_MAP ? '{' : '[');
		doc_each(item, d)
		{
			if (n++)
				buf_addc(b, ',');
			assert_int_equal(!item->name, d->kind == DOC_LIST);
			assert_true(item->line > 0 && item->column > 0);
			if (item->name) {
				dump_string(b, item->name);
				buf_addc(b, ':');
			}
			dump(b, item);
		}
		assert_int_equal(n, d->count);
		buf_addc(b, d->kind == DOC_MAP ? '}' : ']');
	}
	}
}

struct good {
	const char *text, *tree;
};

static void check_good(enum doc_format format, const struct good *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buf_free) struct buf b = {0};
		struct err err = {0};
		/* An exact copy: a sanitizer sees a read past the end. */
		size_t len = strlen(t[i].text);
		_cleanup_free_ char *copy = malloc(len ? len : 1);

		memcpy(copy, t[i].text, len);
		_cleanup_(document_freep) struct document *d =
		    doc_read(copy, len, format, "f", &err);
		if (!d)
			fail_msg("%s\n: %s", t[i].text, err.msg);
		dump(&b, d->root);
		if (strcmp(b.data, t[i].tree) != 0)
			fail_msg("%s\nsays %s\nnot %s", t[i].text, b.data, t[i].tree);
	}
}

struct bad {
	const char *text, *message; /* how it begins */
};

static void check_bad(enum doc_format format, const struct bad *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct err err = {0};
		_cleanup_(document_freep) struct document *d =
		    doc_read(t[i].text, strlen(t[i].text), format, "f", &err);

		if (d)
			fail_msg("accepted: %s", t[i].text);
		if (!str_starts(err.msg, t[i].message))
			fail_msg("%s\nsays %s\nnot %s", t[i].text, err.msg, t[i].message);
	}
}

/* ---- JSON -------------------------------------------------------------- */

static void json_good(void **state _unused_)
{
	static const struct good t[] = {
	    {"{}", "{}"},
	    {"\xef\xbb\xbf[]", "[]"},
	    {" \t\r\n[ ]\n", "[]"},
	    {"null", "null"},
	    {"[true,false,null]", "[true,false,null]"},
	    {"[0,-0,1,-12,9223372036854775807,-9223372036854775808]",
	     "[0,0,1,-12,9223372036854775807,-9223372036854775808]"},
	    {"[1.5,-0.25,1e3,2E-1,1.0e+2]", "[1.5f,-0.25f,1000f,0.20000000000000001f,100f]"},
	    {"\"a\\n\\t\\\\\\/\\\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"",
	     "\"a\\n\\t\\\\/\\\"Aé€😀\""},
	    {"[1,2,]", "[1,2]"},
	    {"{\"a\":1,}", "{\"a\":1}"},
	    {"// x\n{\"a\" /* b */ : // c\n 1 /**/, /***/ }//", "{\"a\":1}"},
	    {"[\"// no\",\"/* no */\"]", "[\"// no\",\"/* no */\"]"},
	    {"{\"a\":{\"a\":1},\"b\":{\"a\":2}}", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}"},
	    {"{\"\":1}", "{\"\":1}"},
	};

	check_good(DOC_JSON, t, ARRAY_LEN(t));
}

static void json_bad(void **state _unused_)
{
	static const struct bad t[] = {
	    {"", "f:1:1: the file ends where a value is expected"},
	    {"// x\n", "f:2:1: the file ends"},
	    {"{", "f:1:2: the file ends where a name in quotes"},
	    {"[1", "f:1:3: the file ends where ',' or ']'"},
	    {"[1\n 2]", "f:2:2: '2' where ',' or ']'"},
	    {"[1 }", "f:1:4: '}' where ',' or ']'"},
	    {"{\"a\" 1}", "f:1:6: '1' where ':'"},
	    {"{\"a\":}", "f:1:6: '}' where a value"},
	    {"{a:1}", "f:1:2: 'a' where a name in quotes"},
	    {"{'a':1}", "f:1:2: ''' where a name in quotes"},
	    {"[yes]", "f:1:2: \"yes\": a value is expected"},
	    {"[True]", "f:1:2: \"True\": a value"},
	    {"[truex]", "f:1:2: \"truex\": a value"},
	    {"[NaN]", "f:1:2: \"NaN\""},
	    {"[,]", "f:1:2: ',' where a value"},
	    {"[1,,2]", "f:1:4: ',' where a value"},
	    {"{,}", "f:1:2: ',' where a name"},
	    {"{} {}", "f:1:4: '{' where the end"},
	    {"{}\n,", "f:2:1: ',' where the end"},
	    {"[01]", "f:1:2: not a number"},
	    {"[-]", "f:1:2: not a number"},
	    {"[1.]", "f:1:2: not a number"},
	    {"[.5]", "f:1:2: '.' where a value"},
	    {"[+1]", "f:1:2: '+' where a value"},
	    {"[1e]", "f:1:2: not a number"},
	    {"[0x10]", "f:1:3: 'x' where"},
	    {"[9223372036854775808]", "f:1:2: a number out of range"},
	    {"[1e999]", "f:1:2: a number out of range"},
	    {"\"abc", "f:1:1: a string does not end"},
	    {"\"abc\\\"", "f:1:1: a string does not end"},
	    {"[\n \"ab\nc\"]", "f:2:2: a string does not end"},
	    {"\"a\tb\"", "f:1:3: a control character"},
	    {"\"\\x41\"", "f:1:2: no such escape"},
	    {"\"\\u12g4\"", "f:1:4: \\u needs four"},
	    {"\"\\ud800\"", "f:1:2: half of a surrogate"},
	    {"\"\\ude00\"", "f:1:2: half of a surrogate"},
	    {"\"\\ud83d\\u0041\"", "f:1:2: half of a surrogate"},
	    {"\"\\u0000\"", "f:1:2: a string must not contain NUL"},
	    {"[\"\xff\"]", "f:1:3: not UTF-8 (byte 0xff)"},
	    {"[\"\xc0\x80\"]", "f:1:3: not UTF-8"},
	    {"[\"\xed\xa0\x80\"]", "f:1:3: not UTF-8"},
	    {"/", "f:1:1: a lone '/'"},
	    {"[]\n /* ", "f:2:2: a comment does not end"},
	    {"/*/", "f:1:1: a comment does not end"},
	    {"{\"a\":1,\n \"b\":2,\n  \"a\":3}", "f:3:3: \"a\" is there twice, first in line 1"},
	    {"{\"a\":1,\"\\u0061\":3}", "f:1:8: \"a\" is there twice"},
	    {"[\xe2\x80\xae]", "f:1:2: '<U+202E>' where a value"},
	};

	check_bad(DOC_JSON, t, ARRAY_LEN(t));
}

/* ---- YAML -------------------------------------------------------------- */

static void yaml_good(void **state _unused_)
{
	static const struct good t[] = {
	    {"", "null"},
	    {"# nothing\n", "null"},
	    {"---\n", "null"},
	    {"a: 1\nb: [x, 'y', \"z\\n\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\"]}"},
	    {"%YAML 1.2\n---\na: b\n...\n", "{\"a\":\"b\"}"},
	    {"- ~\n- null\n-\n- Null\n- ''\n", "[null,null,null,null,\"\"]"},
	    {"[true, True, FALSE, yes, no, on, off, y]",
	     "[true,true,false,\"yes\",\"no\",\"on\",\"off\",\"y\"]"},
	    {"[0, -12, +7, 0x1F, 0o17, 9223372036854775807]",
	     "[0,-12,7,31,15,9223372036854775807]"},
	    {"[1.5, .5, 1., -2e3, 1e+2, .inf, -.INF, .nan, '1.5']",
	     "[1.5f,0.5f,1f,-2000f,100f,inff,-inff,nanf,\"1.5\"]"},
	    {"[1.2.3, 1_000, 0x, 0b1, -, ., 1e, 12:30, 2026-01-01]",
	     "[\"1.2.3\",\"1_000\",\"0x\",\"0b1\",\"-\",\".\",\"1e\",\"12:30\",\"2026-01-01\"]"},
	    {"[!!str 1, !!int '2', !!float 3, !!bool 'true', !!null '', ! 5]",
	     "[\"1\",2,3f,true,null,\"5\"]"},
	    {"!!map {a: !!seq [1]}", "{\"a\":[1]}"},
	    {"a: &x [1, {b: 2}]\nc: *x\nd: *x\n",
	     "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":2}],\"d\":[1,{\"b\":2}]}"},
	    {"[&a 1, *a, &a x, *a, &b true, *b, &c 1.5, *c]",
	     "[1,1,\"x\",\"x\",true,true,1.5f,1.5f]"},
	    {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}"},
	    {"8080: x\n'': y\n'<<': z\n", "{\"8080\":\"x\",\"\":\"y\",\"<<\":\"z\"}"},
	    {"{\"a\": [1, 2], \"b\": {}}", "{\"a\":[1,2],\"b\":{}}"},
	    {"a: \"\\u00e9\\U0001F600\"", "{\"a\":\"é😀\"}"},
	};

	check_good(DOC_YAML, t, ARRAY_LEN(t));
}

static void yaml_bad(void **state _unused_)
{
	static const struct bad t[] = {
	    {"a: 1\nb: 2\na: 3\n", "f:3:1: \"a\" is there twice, first in line 1"},
	    {"a: {x: 1, 'x': 2}\n", "f:1:11: \"x\" is there twice"},
	    {"a: 1\n---\nb: 2\n", "f:2:1: a second document"},
	    {"a: 1\n...\n---\n", "f:3:1: a second document"},
	    {"a: [1\n", "f:2:1: not valid YAML: "},
	    {"é: 1\n\té: 2\n", "f:2:1: not valid YAML: "},
	    {"éé: é: 1\n", "f:1:9: not valid YAML: "},
	    {"a: *x\n", "f:1:4: no anchor &x before"},
	    {"a: &x [1, *x]\n", "f:1:11: *x would contain itself"},
	    {"a: &x\n  b: {c: *x}\n", "f:2:10: *x would contain itself"},
	    {"a: &x {b: 1}\nc:\n  <<: *x\n", "f:3:3: merge keys (<<)"},
	    {"&a k: 1\n", "f:1:1: an anchor on the name"},
	    {"a: &x 1\n*x : 2\n", "f:2:1: the name of a member must be"},
	    {"? [a]\n: 1\n", "f:1:3: the name of a member must be"},
	    {"~: 1\n", "f:1:1: a member without a name"},
	    {"a: !x 1\n", "f:1:4: the tag !x is not known"},
	    {"a: !!binary aGk=\n", "f:1:4: the tag tag:yaml.org,2002:binary is not"},
	    {"a: !!set {x}\n", "f:1:4: the tag tag:yaml.org,2002:set"},
	    {"a: !!map [x]\n", "f:1:4: the tag tag:yaml.org,2002:map"},
	    {"a: !!int x\n", "f:1:4: not what its tag says"},
	    {"a: !!bool 1\n", "f:1:4: not what its tag says"},
	    {"a: 0755\n", "f:1:4: 0755: a number with a zero in front"},
	    {"a: 9223372036854775808\n", "f:1:4: a number out of range"},
	    {"a: 0xffffffffffffffff\n", "f:1:4: a number out of range"},
	    {"a: 1e999\n", "f:1:4: a number out of range"},
	    {"a: \"x\\0y\"\n", "f:1:4: a string must not contain NUL"},
	    {"a: \"\\ud800\"\n", "f:1:"},
	    {"a: \x01\n", "f:1:4: not valid YAML: control characters"},
	    {"a: 'x\xff'\n", "f:1:6: not UTF-8"},
	};

	check_bad(DOC_YAML, t, ARRAY_LEN(t));
}

static void places(void **state _unused_)
{
	static const char text[] = "{\n  \"a\": [\n    1, {\"bé\": 2, \"c\": 3}\n  ]\n}\n";
	struct err err = {0};
	_cleanup_(document_freep) struct document *d =
	    doc_read(text, strlen(text), DOC_JSON, "x.json", &err);
	const struct doc *a = doc_get(d->root, "a"), *b = a->first->next, *c = doc_get(b, "c");

	assert_string_equal(d->label, "x.json");
	assert_true(d->root->line == 1 && d->root->column == 1);
	assert_true(a->line == 2 && a->column == 3);
	assert_true(a->first->line == 3 && a->first->column == 5);
	assert_true(b->line == 3 && b->column == 8);
	assert_true(c->line == 3 && c->column == 19); /* bytes */
	assert_null(doc_get(a, "a"));
	assert_null(doc_get(d->root, "b"));
	assert_null(doc_first(c));
	assert_int_equal(doc_error(d->label, c, &err, "no %s", "good"), -1);
	assert_string_equal(err.msg, "x.json:3:19: no good");
}

static void formats(void **state _unused_)
{
	enum doc_format f;

	assert_int_equal(doc_format_of("a/b.json", &f), 0);
	assert_int_equal(f, DOC_JSON);
	assert_int_equal(doc_format_of("b.jsonc", &f), 0);
	assert_int_equal(f, DOC_JSON);
	assert_int_equal(doc_format_of("b.toml", &f), 0);
	assert_int_equal(f, DOC_TOML);
	assert_int_equal(doc_format_of("b.yaml", &f), 0);
	assert_int_equal(f, DOC_YAML);
	assert_int_equal(doc_format_of("b.yml", &f), 0);
	assert_int_equal(f, DOC_YAML);
	assert_int_equal(doc_format_of("b.txt", &f), -1);
	assert_int_equal(doc_format_of("json", &f), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_good), cmocka_unit_test(json_bad), cmocka_unit_test(yaml_good),
	    cmocka_unit_test(yaml_bad),	 cmocka_unit_test(places),   cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
