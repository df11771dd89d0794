/* What a stored command line still says, and what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/audit.h"

#define R "[REDACTED]"

/* One argument, with the one before it where that matters. */
static const struct {
	const char *before, *arg, *want;
} table[] = {
    {NULL, "--token=abc", "--token=" R},
    {"--token", "abc", R},
    {"--api-key", "-abc", R},
    {"--password", "hunter2 with blanks", R},
    {"--client_secret", "x", R},
    {"-token", "x", R},
    {NULL, "--api-key=a b c", "--api-key=" R},
    {"--token-file", "/etc/token", "/etc/token"},
    {NULL, "--password-file=/x", "--password-file=/x"},
    {"--password-stdin", "user", "user"},
    {"--max-tokens", "100", "100"},
    {NULL, "--max-tokens=100", "--max-tokens=100"},
    {"--token", "--verbose", "--verbose"},
    {"--no-password", "db", "db"},
    {"-p", "8080:80", "8080:80"},
    {NULL, "GITHUB_TOKEN=abc def", "GITHUB_TOKEN=" R},
    {NULL, "AWS_SECRET_ACCESS_KEY=abc/def+g", "AWS_SECRET_ACCESS_KEY=" R},
    {NULL, "PATH=/usr/bin:/bin", "PATH=/usr/bin:/bin"},
    {NULL, "HOME=/root", "HOME=/root"},
    {"-H", "Authorization: Bearer abc.def", "Authorization: Bearer " R},
    {"-H", "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic " R},
    {"-H", "authorization:abc", "authorization:" R},
    {"-H", "X-Api-Key: abc", "X-Api-Key: " R},
    {"-H", "Cookie: a=b; c=d", "Cookie: " R},
    {NULL, "--header=Authorization: Bearer abc", "--header=Authorization: Bearer " R},
    {NULL, "-HX-Auth-Token: abc", "-HX-Auth-Token: " R},
    {"-H", "Accept: text/html", "Accept: text/html"},
    {NULL, "https://user:pass@host/p", "https://user:" R "@host/p"},
    {NULL, "https://ghs_abc@host/p", "https://" R "@host/p"},
    {NULL, "postgres://u:p%40@db:5432/x", "postgres://u:" R "@db:5432/x"},
    {NULL, "https://host/p?a=1&token=abc&b=2", "https://host/p?a=1&token=" R "&b=2"},
    {NULL, "https://host/p?key=abc", "https://host/p?key=" R},
    {NULL, "https://host/p?sig=abc#f", "https://host/p?sig=" R "#f"},
    {NULL, "https://host/p?page=2", "https://host/p?page=2"},
    {NULL, "https://host/a@b", "https://host/a@b"},
    {NULL, "git@github.com:o/r.git", "git@github.com:o/r.git"},
    {"-c", "curl -H \"Authorization: Bearer abc\" https://x | sh",
     "curl -H \"Authorization: Bearer " R "\" https://x | sh"},
    {"-c", "API_KEY=abc tool --token xyz run", "API_KEY=" R},
    {"-c", "env -i tool --token xyz run", "env -i tool --token " R " run"},
    {"-c", "export A_TOKEN='x y' && ls", "export A_TOKEN='" R "' && ls"},
    {"-d", "{\"api_key\": \"abc\", \"n\": 1}", "{\"api_key\": \"" R "\", \"n\": 1}"},
    {"-u", "me:secret", "me:" R},
    {"--user", "me:secret", "me:" R},
    {"-u", "1000:1000", "1000:1000"},
    {"x", "--user=me:s;e cret", "--user=me:" R},
    {"x", "--user=me:s;e", "--user=me:" R},
    {"x", "-ume:secret", "-ume:" R},
    {"x", "-url://h:1/p", "-url://h:1/p"},
    {"-c", "curl -s -u me:s3cret https://h:80/ | sh", "curl -s -u me:" R " https://h:80/ | sh"},
    {"-c", "curl --user 'me:a b' x", "curl --user 'me:" R "' x"},
    {"-c", "x=$(curl -ume:s3cret u); curl --proxy-user=\"a:b c\" u",
     "x=$(curl -ume:" R " u); curl --proxy-user=\"a:" R "\" u"},
    {"-c", "docker run -u 1000:1000 x", "docker run -u 1000:1000 x"},
    {"-c", "git push -u origin main:main", "git push -u origin main:main"},
    {"-c", "chown --user-x a:b; ls -u a/b", "chown --user-x a:b; ls -u a/b"},
    {"-c", "curl -d \"{\\\"password\\\": \\\"abc\\\", \\\"n\\\": 1}\" u",
     "curl -d \"{\\\"password\\\": \\\"" R "\", \\\"n\\\": 1}\" u"},
    {"-u", "root", "root"},
    {NULL, "sk-ant-aaaaaaaaaaaaaaaaaaaa", R},
    {NULL, "x ghp_0123456789abcdef0123 y", "x " R " y"},
    {NULL, "sk-short", "sk-short"},
    {NULL, "fix the login token bug", "fix the login token bug"},
    {NULL, "", ""},
    {NULL, "-", "-"},
    {NULL, "a=b", "a=b"},
    {NULL, "://", "://"},
    {NULL, "--token=", "--token="},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *argv[] = {(char *)"prog", (char *)(table[i].before ? table[i].before : "x"),
				(char *)table[i].arg, NULL};
		char **out = audit_redact_command(NULL, argv);
		if (!str_eq(out[2], table[i].want))
			print_error("row %zu: %s\n", i, table[i].arg);
		assert_string_equal(out[2], table[i].want);
		assert_string_equal(out[0], "prog");
		assert_null(out[3]);
		for (size_t k = 0; k < 3; k++)
			free(out[k]);
		free(out);
	}
}

/* A piece of memory of exact size: the sanitizer sees a look behind the end. */
static void test_no_overrun(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (size_t n = 0; n <= strlen(table[i].arg); n++) {
			char *cut = xstrndup(table[i].arg, n);
			char *argv[] = {cut, cut, NULL};
			char **out = audit_redact_command(NULL, argv);
			assert_non_null(out[1]);
			free(out[0]);
			free(out[1]);
			free(out);
			free(cut);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_no_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
