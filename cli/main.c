#include <sys/auxv.h>

#include "cli/cli.h"
#include "sessions/tool_wire.h"

int main(int argc, char **argv)
{
	const char *exec = (const char *)(uintptr_t)getauxval(AT_EXECFN), *tool;

	/* Under the name of a tool, inside a session: the broker starts that. */
	if (exec && argc > 0 && tool_shim_name(exec, &tool))
		return tool_shim_main(tool, argv + 1);
	/* What BROWSER is there, and in a tool. */
	if (exec && argc == 2 && str_eq(path_base(exec), SESSION_BROWSER))
		return cli_main(
		    3, (char *[]){argv[0], (char *)(uintptr_t) "open-url-helper", argv[1], NULL});
	return cli_main(argc, argv);
}
