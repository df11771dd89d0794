/* nono completion: the scripts of assets/completions, taken in by the assembler. */
#include "cli/cli.h"

#define EMBED(symbol, file)                                                            \
	__asm__(".pushsection .rodata\n.hidden completion_" #symbol                    \
		"\n.global completion_" #symbol "\ncompletion_" #symbol                \
		":\n.incbin \"" NONO_SOURCE_ASSET_DIR "/completions/" file             \
		"\"\n.hidden completion_" #symbol "_end\n.global completion_" #symbol  \
		"_end\ncompletion_" #symbol "_end:\n.byte 0\n.popsection\n");          \
	extern const char completion_##symbol[] __attribute__((visibility("hidden"))); \
	extern const char completion_##symbol##_end[] __attribute__((visibility("hidden")))

EMBED(bash, "nono.bash");
EMBED(zsh, "_nono");
EMBED(fish, "nono.fish");

static int completion(struct cli *cli, struct err *err)
{
	const struct {
		const char *shell, *text, *end;
	} scripts[] = {{"bash", completion_bash, completion_bash_end},
		       {"zsh", completion_zsh, completion_zsh_end},
		       {"fish", completion_fish, completion_fish_end}};

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		if (!str_eq(cli->args[0], scripts[i].shell))
			continue;
		fwrite(scripts[i].text, 1, (size_t)(scripts[i].end - scripts[i].text), stdout);
		return 0;
	}
	return err_usage(err, "there are completions for bash, zsh and fish, not for '%.40s'",
			 cli->args[0]);
}

const struct command command_completion = {
    .name = "completion",
    .group = GROUP_OTHER,
    .usage = "bash|zsh|fish",
    .summary = "Print the completion script of a shell",
    .details = "For example in ~/.bashrc:  source <(nono completion bash)\n",
    .min_args = 1,
    .max_args = 1,
    .arg = "a shell: bash, zsh or fish",
    .run = completion,
};
