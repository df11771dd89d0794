/* References to secrets: what they look like. */
#include "network/credentials/internal.h"

#define REFERENCE_MAX 1024

static bool is_word_char(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

bool credential_is_account(const char *s)
{
	size_t i = 0;

	while (is_word_char(s[i]))
		i++;
	return i > 0 && i < 128 && !s[i];
}

static bool is_variable(const char *s)
{
	return credential_is_account(s) && !(s[0] >= '0' && s[0] <= '9');
}

static bool is_path(const char *s)
{
	return s[0] == '/';
}

/* "service/account" */
static bool is_pair(const char *s)
{
	const char *slash = strchr(s, '/');

	return slash && slash > s && slash[1];
}

/* A value becomes an argument of a program: not one that reads as an option. */
static bool is_argument(const char *s)
{
	return s[0] && s[0] != '-';
}

static bool is_vault(const char *s)
{
	const char *hash = strrchr(s, '#');

	return is_argument(s) && hash && hash > s && hash[1];
}

static const struct scheme {
	const char *prefix;
	bool (*good)(const char *rest);
	const char *form;
} schemes[CREDENTIAL_KINDS] = {
    [CREDENTIAL_ACCOUNT] = {"", credential_is_account, "letters, digits, '_'"},
    [CREDENTIAL_KEYRING] = {"keyring://", is_pair, "keyring://SERVICE/ACCOUNT"},
    [CREDENTIAL_ENV] = {"env://", is_variable, "env://VARIABLE"},
    [CREDENTIAL_FILE] = {"file://", is_path, "file:///ABSOLUTE/PATH: the path must be absolute"},
    [CREDENTIAL_KERNEL] = {"kernel://", is_argument, "kernel://DESCRIPTION"},
    [CREDENTIAL_CMD] = {"cmd://", is_argument,
			"cmd://CAPTURE, of the profile's credential_capture"},
    [CREDENTIAL_OP] = {"op://", is_pair, "op://VAULT/ITEM/FIELD"},
    [CREDENTIAL_BW] = {"bw://", is_argument, "bw://ID or bw://ID/FIELD"},
    [CREDENTIAL_VAULT] = {"vault://", is_vault, "vault://PATH#FIELD"},
};

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

int credential_reference_parse(const char *text, struct credential_reference *out, struct err *err)
{
	const char *scheme = strstr(text, "://");
	size_t kind = 0;

	if (strlen(text) > REFERENCE_MAX || has_control(text))
		return err_usage(err, "a credential's reference is too long or holds control "
				      "characters");
	for (size_t i = CREDENTIAL_KEYRING; i < CREDENTIAL_KINDS; i++)
		if (str_starts(text, schemes[i].prefix))
			kind = i;
	*out = (struct credential_reference){(enum credential_kind)kind, text,
					     text + strlen(schemes[kind].prefix)};
	if (kind == CREDENTIAL_ACCOUNT && scheme)
		return err_set(err,
			       "credential %.100s: %.*s:// is not supported by this version; "
			       "env://, file://, keyring://, kernel://, cmd://, op://, bw:// and "
			       "vault:// are",
			       text, (int)(scheme - text), text);
	if (kind == CREDENTIAL_ACCOUNT && !credential_is_account(text))
		return err_usage(err,
				 "credential '%.100s': not the name of an account (letters, "
				 "digits, '_') and no reference like env://NAME",
				 text);
	if (!schemes[kind].good(out->rest))
		return err_usage(err, "credential '%.100s': it is %s", text, schemes[kind].form);
	return 0;
}

int credential_reference_check(const char *reference, struct err *err)
{
	struct credential_reference r;

	return credential_reference_parse(reference, &r, err);
}

char *credential_variable(const char *reference)
{
	char *name;

	if (!is_variable(reference))
		return NULL;
	name = xstrdup(reference);
	for (char *c = name; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	return name;
}
