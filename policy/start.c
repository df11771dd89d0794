/* Programs that are not started directly. */
#include <fnmatch.h>

#include "policy/policy.h"

/* They destroy, change rights, become somebody else, or install for everybody: started by hand that
 * is rarely what a sandbox is for. */
static const char *const dangerous[] = {
    "rm",	"rmdir",     "shred",	 "dd",	     "mkfs",	     "mkfs.*",	"fdisk",
    "sfdisk",	"gdisk",     "parted",	 "wipefs",   "mkswap",	     "mount",	"umount",
    "chmod",	"chown",     "chgrp",	 "chattr",   "setfacl",	     "sudo",	"su",
    "doas",	"pkexec",    "run0",	 "passwd",   "chpasswd",     "useradd", "usermod",
    "userdel",	"groupadd",  "groupmod", "groupdel", "visudo",	     "kill",	"killall",
    "pkill",	"systemctl", "service",	 "shutdown", "reboot",	     "halt",	"poweroff",
    "init",	"telinit",   "crontab",	 "at",	     "insmod",	     "rmmod",	"modprobe",
    "iptables", "ip6tables", "nft",	 "ufw",	     "firewall-cmd", "apt",	"apt-get",
    "aptitude", "dpkg",	     "dnf",	 "yum",	     "rpm",	     "zypper",	"pacman",
    "apk",	"emerge",    "snap",	 "flatpak",  "brew",	     "nix-env", "pip",
    "pip3",	"npm",
};

static bool listed(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (strcmp(path_base(*names), name) == 0)
			return true;
	return false;
}

static bool is_dangerous(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(dangerous); i++)
		if (fnmatch(dangerous[i], name, 0) == 0)
			return true;
	return false;
}

int policy_check_start(const struct policy_input *in, const struct policy *p, const char *argv0,
		       const char *program, struct err *err)
{
	const char *names[] = {path_base(argv0), path_base(program)};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (listed(in->block_commands, names[i]))
			return err_set(err, "Command '%s' is blocked: by --block-command",
				       names[i]);
		if (listed(in->allow_commands, names[i]))
			continue;
		if (listed((const char *const *)p->block_commands, names[i]))
			return err_set(err, "Command '%s' is blocked: by the profile", names[i]);
		if (is_dangerous(names[i]) &&
		    !listed((const char *const *)p->allow_commands, names[i]))
			return err_set(err,
				       "Command '%s' is blocked: started directly it is more "
				       "likely a slip than what a sandbox is for; if it is meant, "
				       "--allow-command %s",
				       names[i], names[i]);
	}
	return 0;
}
