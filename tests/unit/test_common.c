/* Paths, text and buffers of common/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include "common/common.h"
#include "common/digest.h"

static void test_path_under(void **state)
{
	(void)state;
	assert_true(path_under("/a/b", "/a/b"));
	assert_true(path_under("/a/b", "/a/b/c"));
	assert_true(path_under("/a/b/", "/a/b/c"));
	assert_true(path_under("/", "/x"));
	assert_false(path_under("/a/b", "/a/bc"));
	assert_false(path_under("/a/b", "/a"));
	assert_false(path_under("/home/u/.ssh", "/home/u/.sshfoo"));
}

static void test_path_clean(void **state)
{
	static const char *const table[][2] = {
	    {"/", "/"},	    {"//a///b/", "/a/b"}, {"/a/./b/../c", "/a/c"},   {"/../..", "/"},
	    {"/a/..", "/"}, {"/a/...", "/a/..."}, {"/a/b/../../../c", "/c"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_int_equal(path_clean(out, sizeof(out), table[i][0]), 0);
		assert_string_equal(out, table[i][1]);
	}
	assert_int_equal(path_clean(out, sizeof(out), "a/b"), -1);
	assert_int_equal(path_clean(out, 4, "/abcd"), -1);
	assert_int_equal(path_clean(out, 5, "/abc"), 0);
	assert_int_equal(path_clean(out, 4, "/abc"), -1);
}

static void test_printable(void **state)
{
	char out[64];
	const char evil[] = "a\x1b[2J\n\xe2\x80\xae"
			    "b\xff\x7f\xc3\xa9\xc2\x9b";

	(void)state;
	text_printable(out, sizeof(out), evil, sizeof(evil) - 1);
	assert_string_equal(out, "a^[[2J^J<U+202E>b\\xff^?\xc3\xa9<U+009B>");
	text_printable(out, 8, "abcdefghij", 10);
	assert_string_equal(out, "abcd\xe2\x80\xa6");
	text_printable(out, 11, "abcdefghij", 10);
	assert_string_equal(out, "abcdefghij");
	text_printable(out, 1, "abc", 3);
	assert_string_equal(out, "");
}

static void test_utf8(void **state)
{
	uint32_t cp;

	(void)state;
	assert_int_equal(utf8_decode("\xc0\x80", 2, &cp), 0);	      /* overlong */
	assert_int_equal(utf8_decode("\xed\xa0\x80", 3, &cp), 0);     /* surrogate */
	assert_int_equal(utf8_decode("\xf4\x90\x80\x80", 4, &cp), 0); /* past the end */
	assert_int_equal(utf8_decode("\xe2\x82", 2, &cp), 0);	      /* cut */
	for (uint32_t i = 1; i < 0x110000; i += 37) {
		char enc[4];
		size_t n;

		if (i >= 0xd800 && i <= 0xdfff)
			continue;
		n = utf8_encode(i, enc);
		assert_int_equal(utf8_decode(enc, n, &cp), n);
		assert_int_equal(cp, i);
	}
}

static void test_json_str(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};

	(void)state;
	buf_add_json_str(&b, "a\"\\\n\x01\xff\xc3\xa9", 8);
	assert_string_equal(b.data, "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\"");
}

static void test_numbers(void **state)
{
	long v;

	(void)state;
	assert_int_equal(str_to_long("42", 0, 100, &v), 0);
	assert_int_equal(v, 42);
	assert_int_equal(str_to_long("-1", 0, 100, &v), -1);
	assert_int_equal(str_to_long("101", 0, 100, &v), -1);
	assert_int_equal(str_to_long(" 1", 0, 100, &v), -1);
	assert_int_equal(str_to_long("1x", 0, 100, &v), -1);
	assert_int_equal(str_to_long("", 0, 100, &v), -1);
	assert_int_equal(str_to_long("99999999999999999999", 0, 100, &v), -1);
}

static void test_private_dir(void **state)
{
	char base[] = "/tmp/nono-test-XXXXXX", dir[64], link_path[64];
	struct err err;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(dir, sizeof(dir), "%s/a", base);
	assert_int_equal(dir_private(dir, &err), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(dir_private(dir, &err), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(link_path, sizeof(link_path), "%s/l", base);
	assert_int_equal(symlink(dir, link_path), 0);
	assert_int_equal(dir_private(link_path, &err), -1);
	unlink(link_path);
	rmdir(dir);
	rmdir(base);
}

static void test_fd_passing(void **state)
{
	int sv[2], p[2], got;
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(fd_send(sv[0], "x", 1, p[1]), 0);
	assert_int_equal(fd_recv(sv[1], &byte, 1, &got), 1);
	assert_true(got >= 0);
	assert_int_equal(write(got, "y", 1), 1);
	assert_int_equal(read(p[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(got);
	close(p[0]);
	close(p[1]);
	close(sv[0]);
	close(sv[1]);
}

/* RFC 4231, cases 1, 2 and 6: a short key, a shorter one, one longer than a block. */
static void test_hmac(void **state)
{
	static const struct {
		const char *key;
		size_t key_n;
		const char *text, *want;
	} rows[] = {
	    {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20,
	     "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	    {"Jefe", 4, "what do ya want for nothing?",
	     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	    {NULL, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	};
	unsigned char mac[SHA256_DIGEST_LENGTH], aa[131];
	char hex[SHA256_HEX];

	(void)state;
	memset(aa, 0xaa, sizeof(aa));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		digest_hmac_sha256(rows[i].key ? (const void *)rows[i].key : aa, rows[i].key_n,
				   rows[i].text, strlen(rows[i].text), mac);
		digest_hex(mac, sizeof(mac), hex);
		assert_string_equal(hex, rows[i].want);
	}
}

static void zombies_are_gone(void **state)
{
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(kill(pid, 0), 0); /* still there */
	assert_int_equal(proc_start_time(pid), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(proc_start_time(getpid()) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_path_under), cmocka_unit_test(zombies_are_gone),
	    cmocka_unit_test(test_path_clean), cmocka_unit_test(test_printable),
	    cmocka_unit_test(test_utf8),       cmocka_unit_test(test_json_str),
	    cmocka_unit_test(test_numbers),    cmocka_unit_test(test_private_dir),
	    cmocka_unit_test(test_fd_passing), cmocka_unit_test(test_hmac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
