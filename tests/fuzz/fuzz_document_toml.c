/* TOML of unknown origin: an error with its place, or a tree that keeps its promises. */
#include "../lib/doctree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	doctree_fuzz(data, size, DOC_TOML);
	return 0;
}
