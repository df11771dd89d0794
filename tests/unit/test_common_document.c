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

/* ---- TOML -------------------------------------------------------------- */

static void toml_good(void **state _unused_)
{
	static const struct good t[] = {
	    {"", "{}"},
	    {"# nothing", "{}"},
	    {"a = 1\r\nb = 2 # x\r\n", "{\"a\":1,\"b\":2}"},
	    {"\"a b\" = 1\n'c.d' = 2\n\"\" = 3\n\"\\u00e9\" = 4\n1.2 = 5\n",
	     "{\"a b\":1,\"c.d\":2,\"\":3,\"é\":4,\"1\":{\"2\":5}}"},
	    {"a . \"b\" . c = 1\na.d = 2\n", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}"},
	    {"a=[0,+1,-2,1_000,0xdead_BEEF,0o755,0b101,-0,9223372036854775807]",
	     "{\"a\":[0,1,-2,1000,3735928559,493,5,0,9223372036854775807]}"},
	    {"a=[1.5,-0.25,1e3,2E-1,5_0.2_5e+0_1,1e06,0.0,+inf,-inf,nan]",
	     "{\"a\":[1.5f,-0.25f,1000f,0.20000000000000001f,502.5f,1000000f,0f,inff,-inff,nanf]}"},
	    {"a=[true,false]", "{\"a\":[true,false]}"},
	    {"a=[1979-05-27T07:32:00Z,1979-05-27t00:32:00.999-07:00,1979-05-27 07:32:00,\n"
	     "1979-05-27T07:32:00.5,2000-02-29,07:32:00,00:32:00.999999]",
	     "{\"a\":[\"1979-05-27T07:32:00Z\",\"1979-05-27t00:32:00.999-07:00\",\"1979-05-27 "
	     "07:32:00\","
	     "\"1979-05-27T07:32:00.5\",\"2000-02-29\",\"07:32:00\",\"00:32:00.999999\"]}"},
	    {"a = 'C:\\x'\nb = \"t\\t\\\"\\u00e9\\U0001F600\"\n",
	     "{\"a\":\"C:\\\\x\",\"b\":\"t\\t\\\"é😀\"}"},
	    {"a = \"\"\"\nx\r\ny \"\"z\"\"\"\"\"\n", "{\"a\":\"x\\ny \\\"\\\"z\\\"\\\"\"}"},
	    {"a = \"\"\"x \\\n   \n\t y\\\n\"\"\"\n", "{\"a\":\"x y\"}"},
	    {"a = '''\nI'm \\n ''x''''\n", "{\"a\":\"I'm \\\\n ''x'\"}"},
	    {"a = \"\"\"\"\"\"\nb = ''''''\nc = \"\"\nd = ''\n",
	     "{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}"},
	    {"a = [ # x\n 1,\n\n 2, # y\n]\nb = [[1],['x',],[]]\n",
	     "{\"a\":[1,2],\"b\":[[1],[\"x\"],[]]}"},
	    {"a = {}\nb = { x = 1, y.z = 2, y.w = [\n1 ] }\n",
	     "{\"a\":{},\"b\":{\"x\":1,\"y\":{\"z\":2,\"w\":[1]}}}"},
	    {"[a]\n[a.b]\nx=1\n[ c . 'd' ]\n[e.f.g]\n[e]\ny=1\n[e.f]\n",
	     "{\"a\":{\"b\":{\"x\":1}},\"c\":{\"d\":{}},\"e\":{\"f\":{\"g\":{}},\"y\":1}}"},
	    {"[[a]]\nx=1\n[[a]]\n[a.b]\ny=2\n[[a.c]]\n[[a.c]]\nz=3\n[[a]]\n[a.b]\n",
	     "{\"a\":[{\"x\":1},{\"b\":{\"y\":2},\"c\":[{},{\"z\":3}]},{\"b\":{}}]}"},
	    {"[f]\na.c=1\na.t.s=true\n[f.a.x]\ny=1\n",
	     "{\"f\":{\"a\":{\"c\":1,\"t\":{\"s\":true},\"x\":{\"y\":1}}}}"},
	    {"[a.b.c]\nx=1\n[a]\nb.y=2\n", "{\"a\":{\"b\":{\"c\":{\"x\":1},\"y\":2}}}"},
	};

	check_good(DOC_TOML, t, ARRAY_LEN(t));
}

static void toml_bad(void **state _unused_)
{
	static const struct bad t[] = {
	    {"a", "f:1:2: the file ends where '='"},
	    {"a\n= 1", "f:1:2: the line ends where '='"},
	    {"a =", "f:1:4: the file ends where a value"},
	    {"a = \n", "f:1:5: the line ends where a value"},
	    {"= 1", "f:1:1: '=' where a name"},
	    {"a = 1 b = 2", "f:1:7: 'b' where the end of the line"},
	    {"a. = 1", "f:1:4: '=' where a name"},
	    {"é = 1", "f:1:1: 'é' where a name"},
	    {"\"\"\"a\"\"\" = 1", "f:1:3: '\"' where '='"},
	    {"a = 1\na = 2", "f:2:1: \"a\" is there twice, first in line 1"},
	    {"a = 1\na.b = 2", "f:2:1: \"a\" is set in line 1"},
	    {"a.b = 1\na = 2", "f:2:1: \"a\" is there twice"},
	    {"a.b = 1\na.b = 2", "f:2:3: \"b\" is there twice"},
	    {"[a]\n[a]", "f:2:2: \"a\" is there twice, first in line 1"},
	    {"a.b = 1\n[a]", "f:2:2: \"a\" is there twice"},
	    {"[a]\nb = 1\n[a.b]", "f:3:4: \"b\" is there twice"},
	    {"[a]\nb = 1\n[a.b.c]", "f:3:4: \"b\" has its value in line 2"},
	    {"a = {b = 1}\n[a.c]", "f:2:2: \"a\" has its value in line 1"},
	    {"a = {b = 1}\na.c = 1", "f:2:1: \"a\" is a table made in line 1"},
	    {"a = {b.c = 1}\n[a]", "f:2:2: \"a\" is there twice"},
	    {"a = {b = 1, b = 2}", "f:1:13: \"b\" is there twice"},
	    {"a = {b = {c = 1}, b.d = 2}", "f:1:19: \"b\" is a table made"},
	    {"[a.b.c]\n[a]\nb.c.t = 1", "f:3:3: \"c\" is a table made in line 1"},
	    {"[f]\na.c = 1\n[f.a]", "f:3:4: \"a\" is there twice"},
	    {"[f]\na.c = 1\n[f.x]\n[g]\n[f.a.y]\n[f.a]", "f:6:4: \"a\" is there twice"},
	    {"a = [1]\n[[a]]", "f:2:3: \"a\" is there already, in line 1, and is no [[list]]"},
	    {"a = [{}]\n[a.b]", "f:2:2: \"a\" has its value"},
	    {"[[a]]\n[a]", "f:2:2: \"a\" is there twice"},
	    {"[a]\n[[a]]", "f:2:3: \"a\" is there already"},
	    {"[[a.b]]\n[a]\nb.y = 2", "f:3:1: \"b\" is set in line 1"},
	    {"[a", "f:1:3: the file ends where ']'"},
	    {"[]", "f:1:2: ']' where a name"},
	    {"[a]]", "f:1:4: ']' where the end"},
	    {"[[a] ]", "f:1:4: ']' where ']]'"},
	    {"[a] b = 1", "f:1:5: 'b' where the end"},
	    {"a = {b = 1,}", "f:1:12: '}' where a name"},
	    {"a = {b = 1\n}", "f:1:11: the line ends where ',' or '}'"},
	    {"a = {b = 1 c = 2}", "f:1:12: 'c' where ',' or '}'"},
	    {"a = [1 2]", "f:1:8: '2' where ',' or ']'"},
	    {"a = [,]", "f:1:6: ',' where a value"},
	    {"a = [1,,]", "f:1:8: ',' where a value"},
	    {"a = [1", "f:1:7: the file ends where ',' or ']'"},
	    {"a = yes", "f:1:5: \"yes\": not a value as TOML has them"},
	    {"a = True", "f:1:5: \"True\""},
	    {"a = 01", "f:1:5: \"01\""},
	    {"a = 1_", "f:1:5: \"1_\""},
	    {"a = _1", "f:1:5: \"_1\""},
	    {"a = 1__0", "f:1:5: \"1__0\""},
	    {"a = +0x1", "f:1:5: \"+0x1\""},
	    {"a = 0xg", "f:1:5: \"0xg\""},
	    {"a = 0X1", "f:1:5: \"0X1\""},
	    {"a = 1.", "f:1:5: \"1.\""},
	    {"a = .5", "f:1:5: \".5\""},
	    {"a = 1.e5", "f:1:5: \"1.e5\""},
	    {"a = 1e", "f:1:5: \"1e\""},
	    {"a = 1e_5", "f:1:5: \"1e_5\""},
	    {"a = 9223372036854775808", "f:1:5: a number out of range"},
	    {"a = 1e400", "f:1:5: a number out of range"},
	    {"a = 2023-02-29", "f:1:5: \"2023-02-29\": no such date"},
	    {"a = 1900-02-29", "f:1:5: "},
	    {"a = 2023-13-01", "f:1:5: "},
	    {"a = 2023-1-01", "f:1:5: "},
	    {"a = 2023-01-01T", "f:1:5: "},
	    {"a = 2023-01-01T07:32", "f:1:5: "},
	    {"a = 2023-01-01x07:32:00", "f:1:5: "},
	    {"a = 2023-01-01T25:00:00", "f:1:5: "},
	    {"a = 2023-01-01T00:00:00+25:00", "f:1:5: "},
	    {"a = 07:60:00", "f:1:5: "},
	    {"a = 07:00:00.", "f:1:5: "},
	    {"a = \"x", "f:1:5: a string does not end"},
	    {"a = \"x\n\"", "f:1:5: a string does not end"},
	    {"a = 'x\r\n'", "f:1:5: a string does not end"},
	    {"a = \"\"\"x\"\"", "f:1:5: a string does not end"},
	    {"a = \"\"\"x\"\"\"\"\"\"", "f:1:14: '\"' where the end"},
	    {"a = \"\\x\"", "f:1:6: no such escape"},
	    {"a = \"\\e\"", "f:1:6: no such escape"},
	    {"a = \"\"\"\\ x\"\"\"", "f:1:8: no such escape"},
	    {"a = \"\\u12\"", "f:1:6: \\u needs four"},
	    {"a = \"\\U0000d800\"", "f:1:6: no such character"},
	    {"a = \"\\U00110000\"", "f:1:6: no such character"},
	    {"a = \"\\u0000\"", "f:1:6: a string must not contain NUL"},
	    {"a = \"\x01\"", "f:1:6: a control character"},
	    {"a = '\x7f'", "f:1:6: a control character"},
	    {"a = \"\"\"x\ry\"\"\"", "f:1:9: a control character"},
	    {"# \x01", "f:1:3: a control character in a comment"},
	    {"a = 1 # x\ry", "f:1:10: a control character in a comment"},
	    {"a = 1\r", "f:1:6: "},
	    {"a = '\xff'", "f:1:6: not UTF-8"},
	};

	check_bad(DOC_TOML, t, ARRAY_LEN(t));
}

/* ---- all three ----------------------------------------------------------- */

/* What is the same in three languages is the same tree. */
static void same_tree(void **state _unused_)
{
	static const struct {
		enum doc_format format;
		const char *text;
	} t[] = {
	    {DOC_JSON,
	     "{\"meta\":{\"name\":\"x\",\"n\":3},\"fs\":{\"read\":[\"/a\",\"~/b\"],\"deep\":{"
	     "\"on\":true}},"
	     "\"rules\":[{\"host\":\"a\",\"ports\":[80,443]},{\"host\":\"é\"}],\"f\":1.5}"},
	    {DOC_YAML,
	     "meta: {name: x, n: 3}\nfs:\n  read:\n  - /a\n  - ~/b\n  deep:\n    on: true\n"
	     "rules:\n- host: a\n  ports: [80, 443]\n- host: é\nf: 1.5\n"},
	    {DOC_TOML,
	     "meta = { name = 'x', n = 3 }\nfs.read = [\"/a\", \"~/b\"]\nfs.deep.on = true\n"
	     "rules = [{host = 'a', ports = [80, 443]}, {host = 'é'}]\nf = 1.5\n"},
	};
	_cleanup_(buf_free) struct buf first = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		_cleanup_(buf_free) struct buf b = {0};
		struct err err = {0};
		_cleanup_(document_freep) struct document *d =
		    doc_read(t[i].text, strlen(t[i].text), t[i].format, "f", &err);

		if (!d)
			fail_msg("%s", err.msg);
		dump(i ? &b : &first, d->root);
		if (i)
			assert_string_equal(b.data, first.data);
	}
}

static void repeat(struct buf *b, const char *s, size_t n)
{
	while (n--)
		buf_adds(b, s);
}

/* Whatever it says, it must not take long. */
static struct document *timed(const struct buf *b, enum doc_format format, struct err *err)
{
	uint64_t start = clock_mono_ns();
	struct document *d = doc_read(b->data, b->len, format, "f", err);

	if (clock_mono_ns() - start > 8000000000ull)
		fail_msg("format %d, %zu bytes: too slow", (int)format, b->len);
	return d;
}

static void expect_error(const struct buf *b, enum doc_format format, const char *message)
{
	struct err err = {0};
	_cleanup_(document_freep) struct document *d = timed(b, format, &err);

	assert_null(d);
	if (!str_starts(err.msg, message))
		fail_msg("%.40s...\nsays %s\nnot %s", b->data, err.msg, message);
}

static void deep(void **state _unused_)
{
	static const struct {
		enum doc_format format;
		const char *before, *one, *after, *message;
	} t[] = {
	    {DOC_JSON, "", "[", "", "f:1:33: nested too deeply"},
	    {DOC_JSON, "", "{\"a\":", "", "f:1:161: nested too deeply"},
	    {DOC_YAML, "", "[", "", "f:1:33: nested too deeply"},
	    {DOC_YAML, "", "{a: ", "", "f:1:129: nested too deeply"},
	    {DOC_YAML, "", "- ", "", "f:1:65: nested too deeply"},
	    {DOC_TOML, "a=", "[", "", "f:1:34: nested too deeply"},
	    {DOC_TOML, "a=", "{a=", "", "f:1:94: nested too deeply"},
	    {DOC_TOML, "", "a.", "a=1", "f:1:65: nested too deeply"},
	    {DOC_TOML, "[", "a.", "a]", "f:1:66: nested too deeply"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		for (size_t n = 60; n <= 1000000; n *= 100) {
			_cleanup_(buf_free) struct buf b = {0};

			buf_adds(&b, t[i].before);
			repeat(&b, t[i].one, n);
			buf_adds(&b, t[i].after);
			expect_error(&b, t[i].format, t[i].message);
		}
	}
}

/* A key that is short enough, in a table that is deep already. */
static void deep_toml(void **state _unused_)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_adds(&b, "[a");
	repeat(&b, ".a", 24);
	buf_adds(&b, "]\n");
	repeat(&b, "a.", 20);
	buf_adds(&b, "a = 1\n");
	expect_error(&b, DOC_TOML, "f:2:13: nested too deeply");
}

static void long_lists(void **state _unused_)
{
	static const struct {
		enum doc_format format;
		const char *before, *one, *after;
	} t[] = {
	    {DOC_JSON, "[", "\"~/some/where\",\n", "]"},
	    {DOC_YAML, "", "- ~/some/where\n", ""},
	    {DOC_TOML, "a = [", "'~/some/where',\n", "]"},
	    {DOC_TOML, "", "[[a]]\n", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		_cleanup_(buf_free) struct buf b = {0};
		struct err err = {0};
		const struct doc *list;

		buf_adds(&b, t[i].before);
		repeat(&b, t[i].one, 100000);
		buf_adds(&b, t[i].after);
		_cleanup_(document_freep) struct document *d = timed(&b, t[i].format, &err);
		if (!d)
			fail_msg("%s", err.msg);
		list = t[i].format == DOC_TOML ? doc_get(d->root, "a") : d->root;
		assert_int_equal(list->count, 100000);
	}
}

/* Names must not be compared each with each. */
static void many_names(void **state _unused_)
{
	static const struct {
		enum doc_format format;
		const char *before, *one, *two, *after;
	} t[] = {
	    {DOC_JSON, "{", "\"name", "\":1,", "}"}, {DOC_YAML, "", "name", ": 1\n", ""},
	    {DOC_YAML, "", "- &name", " x\n", ""},   {DOC_TOML, "", "name", "=1\n", ""},
	    {DOC_TOML, "", "[a.b.name", "]\n", ""},  {DOC_TOML, "", "a.b.c.name", "=1\n", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		_cleanup_(buf_free) struct buf b = {0};
		struct err err = {0};

		buf_adds(&b, t[i].before);
		for (unsigned n = 0; n < 100000; n++)
			buf_addf(&b, "%s%u%s", t[i].one, n, t[i].two);
		buf_adds(&b, t[i].after);
		_cleanup_(document_freep) struct document *d = timed(&b, t[i].format, &err);
		if (!d)
			fail_msg("%s", err.msg);
	}
}

static void too_much(void **state _unused_)
{
	static const struct {
		enum doc_format format;
		const char *before, *one, *after;
		size_t n;
		const char *message;
	} t[] = {
	    {DOC_JSON, "[\n \"", "x", "\"]", 10000000, "f:2:2: a string of more than 1048576"},
	    {DOC_YAML, "a:\n  b: '", "x", "'", 10000000, "f:2:6: a string of more than 1048576"},
	    {DOC_YAML, "a:\n  b: ", "x ", "", 5000000, "f:2:6: a string of more than 1048576"},
	    {DOC_TOML, "\na = '", "x", "'", 10000000, "f:2:5: a string of more than 1048576"},
	    {DOC_TOML, "a = \"\"\"", "x\n", "\"\"\"", 5000000, "f:1:5: a string of more"},
	    {DOC_TOML, "\n\n", "x", "=1", 10000000, "f:3:1: a name of more than 1048576"},
	    {DOC_JSON, "{\"", "x", "\":1}", 10000000, "f:1:2: a string of more than 1048576"},
	    {DOC_JSON, "[", "1,", "]", 1000000, "f:1:800000: more than 400000 values"},
	    {DOC_YAML, "[", "1,", "]", 1000000, "f:1:800000: more than 400000 values"},
	    {DOC_TOML, "a=[", "1,", "]", 1000000, "f:1:800000: more than 400000 values"},
	    {DOC_JSON, "", "          ", "{}", 2000000, "f: larger than 16777216 bytes"},
	    {DOC_YAML, "", "%TAG !a! x\n", "--- x", 1000000, "f:1:1: more than 16 lines that"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		_cleanup_(buf_free) struct buf b = {0};

		buf_adds(&b, t[i].before);
		repeat(&b, t[i].one, t[i].n);
		buf_adds(&b, t[i].after);
		expect_error(&b, t[i].format, t[i].message);
	}
}

/* Each list holds the one before ten times. */
static void aliases(void **state _unused_)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_adds(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++) {
		buf_addf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_addf(&b, "%s*a%d", k ? ", " : "", i - 1);
		buf_adds(&b, "]\n");
	}
	expect_error(&b, DOC_YAML, "f:6:");
	buf_clear(&b);
	buf_adds(&b, "a0: &a0 [x]\n"); /* deep by aliases */
	for (int i = 1; i < 40; i++)
		buf_addf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	expect_error(&b, DOC_YAML, "f:32:12: nested too deeply");
}

static void nul_bytes(void **state _unused_)
{
	static const char text[] = "{}\n\0";

	for (int f = DOC_JSON; f <= DOC_YAML; f++) {
		struct err err = {0};

		assert_null(doc_read(text, sizeof(text) - 1, (enum doc_format)f, "f", &err));
		assert_string_equal(err.msg, "f:2:1: a NUL byte");
	}
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
	    cmocka_unit_test(json_good),  cmocka_unit_test(json_bad),	cmocka_unit_test(yaml_good),
	    cmocka_unit_test(yaml_bad),	  cmocka_unit_test(toml_good),	cmocka_unit_test(toml_bad),
	    cmocka_unit_test(same_tree),  cmocka_unit_test(deep),	cmocka_unit_test(deep_toml),
	    cmocka_unit_test(long_lists), cmocka_unit_test(many_names), cmocka_unit_test(too_much),
	    cmocka_unit_test(aliases),	  cmocka_unit_test(nul_bytes),	cmocka_unit_test(places),
	    cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
