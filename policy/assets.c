/* Finding a built-in profile. */
#include "policy/assets.h"

const struct asset *asset_profile(const char *name)
{
	for (size_t i = 0; i < asset_n_profiles; i++)
		if (strcmp(asset_profiles[i].name, name) == 0)
			return &asset_profiles[i];
	return NULL;
}
