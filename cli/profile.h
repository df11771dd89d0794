/* profile - what the subcommands of nono profile share. */
#ifndef NONO_CLI_PROFILE_H
#define NONO_CLI_PROFILE_H

#include "cli/cli.h"
#include "policy/policy.h"

#define PROFILE_TEXT_MAX (8u << 20)

extern const struct command command_profile_init, command_profile_list, command_profile_show,
    command_profile_diff, command_profile_validate, command_profile_groups, command_profile_schema,
    command_profile_guide, command_profile_promote, command_profile_use;

/* A directory among nono's configuration; caller frees. */
char *profile_dir(const char *name);

#endif
