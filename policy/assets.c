/* The files of assets/, taken in by the assembler. */
#include <string.h>

#include "common/common.h"
#include "policy/assets.h"

#define EMBED(symbol, file)                                                                    \
	__asm__(".pushsection .rodata\n"                                                       \
		".hidden asset_" #symbol "\n.global asset_" #symbol "\nasset_" #symbol         \
		":\n.incbin \"" NONO_SOURCE_ASSET_DIR "/" file "\"\n"                          \
		".hidden asset_" #symbol "_end\n.global asset_" #symbol "_end\nasset_" #symbol \
		"_end:\n.byte 0\n.popsection\n");                                              \
	extern const char asset_##symbol[] __attribute__((visibility("hidden")));              \
	extern const char asset_##symbol##_end[] __attribute__((visibility("hidden")))

EMBED(groups_text, "groups.json");
EMBED(default, "profiles/default.json");
EMBED(claude_code, "profiles/claude-code.json");
EMBED(codex, "profiles/codex.json");
EMBED(opencode, "profiles/opencode.json");
EMBED(gemini, "profiles/gemini.json");

const struct asset asset_groups = {"groups.json", asset_groups_text, asset_groups_text_end};
const struct asset asset_profiles[] = {
    {"claude-code", asset_claude_code, asset_claude_code_end},
    {"codex", asset_codex, asset_codex_end},
    {"default", asset_default, asset_default_end},
    {"gemini", asset_gemini, asset_gemini_end},
    {"opencode", asset_opencode, asset_opencode_end},
};
const size_t asset_n_profiles = ARRAY_LEN(asset_profiles);

const struct asset *asset_profile(const char *name)
{
	for (size_t i = 0; i < asset_n_profiles; i++)
		if (strcmp(asset_profiles[i].name, name) == 0)
			return &asset_profiles[i];
	return NULL;
}
