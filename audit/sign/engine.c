/* Keys of PKCS#11 by OpenSSL's engine (libp11), where there is no provider. Engines are deprecated
 * since OpenSSL 3.0, and the one way to such a key where a system has that one only. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "audit/sign/sign.h"

#include <openssl/engine.h>
#include <openssl/err.h>

#ifdef OPENSSL_NO_ENGINE
EVP_PKEY *engine_key(const char *uri)
{
	(void)uri;
	return NULL;
}
#else
/* Without a PIN: nobody could type one. */
static int no_pin(UI *ui, UI_STRING *s)
{
	(void)ui;
	(void)s;
	return 0;
}

EVP_PKEY *engine_key(const char *uri)
{
	UI_METHOD *silent = UI_create_method("nobody");
	EVP_PKEY *key = NULL;
	ENGINE *e;

	ENGINE_load_builtin_engines();
	e = ENGINE_by_id("pkcs11");
	if (silent)
		UI_method_set_reader(silent, no_pin);
	/* The key holds the engine from here on. */
	if (silent && e && ENGINE_init(e)) {
		key = ENGINE_load_private_key(e, uri, silent, NULL);
		ENGINE_finish(e);
	}
	ENGINE_free(e);
	UI_destroy_method(silent);
	return key;
}
#endif
