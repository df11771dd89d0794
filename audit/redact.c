/*
 * Takes secrets out of a command line before it is stored. What looks like a secret by its name
 * (flag, variable, header, query key), by its place (user part of a URL) or by its own form (the
 * prefixes that services give their tokens) is replaced. Better one word too many than one secret.
 */
#include "audit/audit.h"
#include "audit/redaction.h"

#include <ctype.h>

#define REDACTED     "[REDACTED]"
#define NAME_MAX_LEN REDACTION_NAME_MAX

static bool secret_name(const struct audit_redaction *r, const char *s, size_t n)
{
	static const char *const parts[] = {
	    "token",	     "secret",	     "password",   "passwd",	 "passphrase",
	    "apikey",	     "accesskey",    "privatekey", "credential", "signingkey",
	    "authorization", "sessionkey",   "authkey",	   "cookie",	 "subscriptionkey",
	    "accountkey",    "encryptionkey"};
	static const char *const whole[] = {"auth",	"pwd", "pass",	    "bearer",
					    "userpass", "pat", "pgpassword"};
	/* These name a place, a number, or say that there is no secret. */
	static const char *const harmless[] = {"tokens", "file",      "path",	"dir",
					       "stdin",	 "tokenizer", "length", "limit"};
	char name[NAME_MAX_LEN];

	/* A long name: its end says what it is. */
	if (n > NAME_MAX_LEN - 1) {
		s += n - (NAME_MAX_LEN - 1);
		n = NAME_MAX_LEN - 1;
	}
	redaction_plain(name, s, n);
	if (redaction_has(r, REDACTION_ALLOW, name))
		return false;
	if (redaction_has(r, REDACTION_NAMES, name))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (str_ends(name, harmless[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		if (str_eq(name, whole[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

static bool secret_query_key(const struct audit_redaction *r, const char *s, size_t n)
{
	static const char *const more[] = {"key",  "sig",	    "signature",
					   "code", "xamzsignature", "jwt"};
	char name[NAME_MAX_LEN];

	redaction_plain(name, s, n);
	if (redaction_has(r, REDACTION_ALLOW, name))
		return false;
	if (redaction_has(r, REDACTION_QUERY, name))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (str_eq(name, more[i]))
			return true;
	return secret_name(r, s, n);
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* ---- single places inside an argument ---------------------------------------- */

/* Length of a token known by its prefix, 0 if there is none at s. */
static size_t known_token(const char *s)
{
	static const char *const prefixes[] = {
	    "sk-",	   "ghp_",   "gho_",  "ghs_",  "ghu_",	"ghr_",
	    "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "AKIA",
	    "ASIA",	   "AIza",   "npm_",  "pypi-", "hf_",	"eyJhbGciOi"};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t n = 0;
		if (!str_starts(s, prefixes[i]))
			continue;
		while (name_char(s[n]) || s[n] == '/' || s[n] == '+')
			n++;
		if (n >= 20)
			return n;
	}
	return 0;
}

/* s stands on "://"; the secret part of "user:secret@host", from *start to the result. */
static const char *url_secret(const char *s, const char **start)
{
	const char *p = s + 3, *end = p + strcspn(p, "/?# \t\n\"'<>"), *at, *colon;

	at = memrchr(p, '@', (size_t)(end - p));
	if (!at || at == p)
		return NULL;
	colon = memchr(p, ':', (size_t)(at - p));
	/* Alone before the @, a user name may be a token. */
	*start = colon ? colon + 1 : p;
	return at;
}

static const char *const schemes[] = {"bearer ", "basic ", "token ", "digest ", "negotiate "};

static size_t scheme_len(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	return 0;
}

/* The value that begins at s, behind a secret name and its '=' or ':'. */
static const char *value_end(const char *s, char sep, bool alone, bool query, char quote)
{
	if (quote)
		return s + strcspn(s, (char[]){quote, '\0'});
	if (query)
		return s + strcspn(s, " \t\n&;#\"'");
	if (sep == ':')
		return s + strcspn(s, "\"'\n\r");
	return alone ? s + strlen(s) : s + strcspn(s, " \t\n&;\"'");
}

struct cursor {
	const struct audit_redaction *rules;
	const char *arg, *p;
	struct buf *out;
};

static void take(struct cursor *c, const char *until)
{
	buf_add(c->out, c->p, (size_t)(until - c->p));
	c->p = until;
}

static void hide(struct cursor *c, const char *until)
{
	if (until == c->p)
		return;
	buf_adds(c->out, REDACTED);
	c->p = until;
}

/* NAME=value, --name=value, "name": "value", Header: value, ?key=value at a name's start. */
static bool redact_named(struct cursor *c)
{
	const char *name = c->p, *end = name, *v;
	bool query = name > c->arg && (name[-1] == '?' || name[-1] == '&');
	bool alone = name == c->arg, spaced;
	char sep, quote = 0;

	while (name_char(*end))
		end++;
	v = end;
	if (*v == '\\' && v[1] == '"' && v[2] == ':') /* JSON between quotes of a shell */
		v++;
	if ((*v == '"' || *v == '\'') && v[1] == ':')
		v++;
	sep = *v;
	/* A flag and its value inside one argument, as in sh -c "tool --token x". */
	spaced = sep == ' ' && name[0] == '-';
	if (end == name || (sep != '=' && sep != ':' && !spaced) || (sep == ':' && v[1] == '/'))
		return false;
	if (!(query ? secret_query_key(c->rules, name, (size_t)(end - name))
		    : secret_name(c->rules, name, (size_t)(end - name))))
		return false;
	v++;
	while (sep != '=' && *v == ' ')
		v++;
	if (spaced && str_starts(v, "--"))
		return false;
	v += *v == '\\' && v[1] == '"';
	if (*v == '"' || *v == '\'')
		quote = *v++;
	v += scheme_len(v);
	take(c, v);
	hide(c, value_end(v, spaced ? ' ' : sep, alone && sep == '=', query, quote));
	return true;
}

/* The value of a flag for a login, where it stands in one argument with the flag: behind "=", in a
 * shell's line behind blanks, or at once ("-uNAME:"). NULL: none. */
static const char *login_value(const char *s)
{
	static const char *const flags[] = {"--proxy-user", "--user", "-U", "-u"};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		const char *v = s + strlen(flags[i]);

		if (!str_starts(s, flags[i]))
			continue;
		if (*v == '=' || *v == ' ')
			return v + 1 + strspn(v + 1, " ");
		return str_eq(flags[i], "-u") ? v : NULL;
	}
	return NULL;
}

/* curl -u user:password, with its relatives; not "-u 1000:1000", nor a URL. */
static bool redact_login(struct cursor *c)
{
	const bool alone = c->p == c->arg;
	const char *v = login_value(c->p), *colon, *end;

	if (!v || (!alone && !strchr(" \t\n\"'(;|&", c->p[-1])))
		return false;
	v += *v == '\\' && v[1] == '"';
	if (*v == '"' || *v == '\'')
		end = v + 1 + strcspn(v + 1, (char[]){*v, '\0'});
	else
		end = alone ? v + strlen(v) : v + strcspn(v, " \t\n\"'();|&<>");
	colon = memchr(v, ':', (size_t)(end - v));
	if (!colon || colon + 1 == end || colon[1] == '/' || v + strspn(v, "\"'0123456789:") >= end)
		return false;
	take(c, colon + 1);
	hide(c, end);
	return true;
}

static void redact_arg(const struct audit_redaction *r, struct buf *out, const char *arg)
{
	struct cursor c = {.rules = r, .arg = arg, .p = arg, .out = out};

	while (*c.p) {
		bool word = c.p == arg || !name_char(c.p[-1]);
		const char *secret, *end;
		size_t n;

		if (str_starts(c.p, "://") && (end = url_secret(c.p, &secret))) {
			take(&c, secret);
			hide(&c, end);
		} else if (word && (n = known_token(c.p))) {
			hide(&c, c.p + n);
		} else if (word && strncasecmp(c.p, "bearer ", 7) == 0) {
			take(&c, c.p + 7);
			hide(&c, c.p + strcspn(c.p, " \t\n\"'"));
		} else if (!word || (!redact_login(&c) && !redact_named(&c))) {
			take(&c, c.p + 1);
		}
	}
}

/* ---- the whole command -------------------------------------------------------- */

static bool flag_takes_secret(const struct audit_redaction *r, const char *arg)
{
	const char *name = arg + strspn(arg, "-");

	return arg[0] == '-' && *name && !strpbrk(arg, "= :/") && !str_starts(name, "no-") &&
	       secret_name(r, name, strlen(name));
}

/* curl -u user:password, with its relatives; not "-u 1000:1000". */
static bool redact_user(struct buf *out, const char *arg)
{
	const char *colon = strchr(arg, ':');

	if (!colon || !colon[1] || strspn(arg, "0123456789:") == strlen(arg))
		return false;
	buf_add(out, arg, (size_t)(colon + 1 - arg));
	buf_adds(out, REDACTED);
	return true;
}

/* before: the argument in front of it, "" if there is none. */
static void redact_one(const struct audit_redaction *r, struct buf *out, const char *before,
		       const char *arg)
{
	const bool user = str_eq(before, "-u") || str_eq(before, "--user") ||
			  str_eq(before, "--proxy-user") || str_eq(before, "-U");

	if (flag_takes_secret(r, before) && !str_starts(arg, "--"))
		buf_adds(out, REDACTED);
	else if (!user || !redact_user(out, arg))
		redact_arg(r, out, arg);
}

char **audit_redact_command(const struct audit_redaction *r, char *const *argv)
{
	size_t n = 0;
	char **out;

	while (argv[n])
		n++;
	out = xcalloc(n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		struct buf b = {0};

		buf_reserve(&b, strlen(argv[i]) + 1);
		b.data[0] = '\0';
		redact_one(r, &b, i ? argv[i - 1] : "", argv[i]);
		out[i] = b.data;
	}
	return out;
}

void audit_redact_line(const struct audit_redaction *r, char *const *argv, struct buf *out)
{
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			buf_addc(out, ' ');
		redact_one(r, out, i ? argv[i - 1] : "", argv[i]);
	}
}
