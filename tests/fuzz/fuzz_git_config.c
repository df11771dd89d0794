/*
 * The judge of git configurations. Whatever the text is: no reading past its end, the same answer
 * twice, and a text that is harmless stays so when it was there before; what is harmful stays
 * harmful behind something harmless.
 */
#include "elevation/perform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char evil[] = "\n[core]\neditor = x\n";
	const char *text = (const char *)data;
	const struct git_context ctx = {.dir = "/", .old = text, .old_n = size};
	const bool harmless = git_config_harmless(text, size);
	struct buf b = {0};

	if (git_config_harmless(text, size) != harmless)
		abort();
	if (harmless && !git_config_check(&ctx, text, size, NULL, 0))
		abort();
	/* A harmless text has no open quote and no open section: what follows counts. */
	if (harmless && size < 4096 && (!size || (text[size - 1] != '\\'))) {
		buf_add(&b, text, size);
		buf_adds(&b, evil);
		if (git_config_harmless(b.data, b.len))
			abort();
	}
	buf_free(&b);
	return 0;
}
