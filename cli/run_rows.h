/* The rows of run_options.h by what they are about; "only" says which of the commands have them. */
#ifndef NONO_CLI_RUN_ROWS_H
#define NONO_CLI_RUN_ROWS_H

#include "cli/run_options.h"

#define NOT_WHY	   (RUN | SHELL | WRAP)
#define SANDBOX	   (NOT_WHY | WHY) /* not of a proxy alone */
#define AT(member) .offset = offsetof(struct run_options, member)

extern const struct option_row run_rows_profile[], run_rows_files[], run_rows_network[],
    run_rows_sandbox[], run_rows_limits[], run_rows_record[], run_rows_session[];

#endif
