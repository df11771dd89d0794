/* profile - what the subcommands of nono profile share. */
#ifndef NONO_CLI_PROFILE_H
#define NONO_CLI_PROFILE_H

#include "cli/cli.h"
#include "policy/policy.h"

#define PROFILE_TEXT_MAX (8u << 20)

extern const struct command command_profile_init, command_profile_list, command_profile_show,
    command_profile_diff, command_profile_validate, command_profile_groups, command_profile_schema,
    command_profile_guide, command_profile_promote, command_profile_use;

/* ---- texts that are made from the JSON of the policy room ---------------------------------- */

struct profile_view_options {
	int format; /* of show */
	bool json, raw, all_platforms;
	const char *output;
};
/* Printed and freed; 0. */
int profile_print_json(cJSON *j);
/* "", if it has no such text. */
const char *profile_text(const cJSON *o, const char *name);
/* A single value: its text, yes or no, a number; "-" for none. */
void profile_print_scalar(const cJSON *v);

/* A directory among nono's configuration; caller frees. */
char *profile_dir(const char *name);

#endif
