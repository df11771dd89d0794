/* nono profile: its subcommands. */
#include "cli/profile.h"

char *profile_dir(const char *name)
{
	_cleanup_free_ char *config = dir_config();

	return xasprintf("%s/%s", config, name);
}

static const struct command *const subs[] = {
    &command_profile_list,
    &command_profile_show,
    &command_profile_diff,
    &command_profile_init,
    &command_profile_validate,
    &command_profile_use,
    &command_profile_groups,
    &command_profile_guide,
    &command_profile_schema,
    &command_profile_promote,
    NULL,
};

const struct command command_profile = {
    .name = "profile",
    .group = GROUP_RUN,
    .usage = "list|show|diff|init|validate|use|groups|guide|schema|promote ...",
    .summary = "Profiles: see, compare, write, check and choose them",
    .subs = subs,
};

const struct command command_policy = {
    .name = "policy",
    .instead = "profile",
    .group = GROUP_HIDDEN,
    .usage = "list|show|diff|init|validate|use|groups|guide|schema|promote ...",
    .summary = "Old name of profile",
    .subs = subs,
};
