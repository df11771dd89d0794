/*
 * nono-keyring - entries of the Secret Service. A program of its own, so that nothing else links
 * libsecret, which brings threads and a bus.
 *
 *   get SERVICE ACCOUNT     prints the secret
 *   set SERVICE ACCOUNT     stores standard input
 *   remove SERVICE ACCOUNT
 *   list SERVICE            prints the accounts, one a line
 *
 * Ends with 0; 3: no such entry; 4: no Secret Service; else 1.
 */
#include <libsecret/secret.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/common.h"

#define SECRET_BYTES 65536
enum { DONE = 0, FAILED = 1, NO_ENTRY = 3, NO_SERVICE = 4 };

/* "target" is how the keyring libraries of other languages mark a plain entry. */
static const SecretSchema schema = {
    .name = "org.freedesktop.Secret.Generic",
    .flags = SECRET_SCHEMA_DONT_MATCH_NAME,
    .attributes = {{"service", SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {"username", SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {"target", SECRET_SCHEMA_ATTRIBUTE_STRING},
		   {NULL, 0}},
};

static GHashTable *attributes(const char *service, const char *account)
{
	GHashTable *h = g_hash_table_new(g_str_hash, g_str_equal);

	g_hash_table_insert(h, (char *)"service", (char *)service);
	if (account)
		g_hash_table_insert(h, (char *)"username", (char *)account);
	if (str_eq(service, "nono"))
		g_hash_table_insert(h, (char *)"target", (char *)"default");
	return h;
}

static int failed(GError *e)
{
	int r = e->domain == SECRET_ERROR ? FAILED : NO_SERVICE;

	/* Without a bus there is nothing more to say than the caller does. */
	if (r == FAILED || getenv("DBUS_SESSION_BUS_ADDRESS"))
		fprintf(stderr, "nono-keyring: %s\n", e->message);
	g_error_free(e);
	return r;
}

static int get(const char *service, const char *account)
{
	GError *e = NULL;
	char *secret = secret_password_lookupv_nonpageable_sync(
	    &schema, attributes(service, account), NULL, &e);
	size_t n;

	if (e)
		return failed(e);
	if (!secret)
		return NO_ENTRY;
	n = strlen(secret);
	if (write_full(STDOUT_FILENO, secret, n) < 0)
		return FAILED;
	secret_password_free(secret);
	return DONE;
}

static int set(const char *service, const char *account)
{
	static char secret[SECRET_BYTES + 1];
	ssize_t n = read_full(STDIN_FILENO, secret, sizeof(secret));
	g_autofree char *label = g_strdup_printf("%s: %s", service, account);
	GError *e = NULL;

	if (n <= 0 || n > SECRET_BYTES)
		return FAILED;
	secret[n] = '\0';
	secret_password_storev_sync(&schema, attributes(service, account),
				    SECRET_COLLECTION_DEFAULT, label, secret, NULL, &e);
	explicit_bzero(secret, sizeof(secret));
	return e ? failed(e) : DONE;
}

static int clear_entry(const char *service, const char *account)
{
	GError *e = NULL;
	gboolean there =
	    secret_password_clearv_sync(&schema, attributes(service, account), NULL, &e);

	if (e)
		return failed(e);
	return there ? DONE : NO_ENTRY;
}

static int list(const char *service)
{
	GError *e = NULL;
	GList *found = secret_password_searchv_sync(&schema, attributes(service, NULL),
						    SECRET_SEARCH_ALL, NULL, &e);

	if (e)
		return failed(e);
	for (GList *l = found; l; l = l->next) {
		GHashTable *h = secret_retrievable_get_attributes(l->data);
		const char *account = g_hash_table_lookup(h, "username");

		if (account && !strchr(account, '\n'))
			puts(account);
		g_hash_table_unref(h);
	}
	return fflush(stdout) == 0 ? DONE : FAILED;
}

int main(int argc, char **argv)
{
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	if (argc == 4 && str_eq(argv[1], "get"))
		return get(argv[2], argv[3]);
	if (argc == 4 && str_eq(argv[1], "set"))
		return set(argv[2], argv[3]);
	if (argc == 4 && str_eq(argv[1], "remove"))
		return clear_entry(argv[2], argv[3]);
	if (argc == 3 && str_eq(argv[1], "list"))
		return list(argv[2]);
	fprintf(stderr, "usage: nono-keyring get|set|remove SERVICE ACCOUNT, list SERVICE\n");
	return 2;
}
