#pragma once
/*
 * A file of the host of any size, which goes on where it broke off: by Range within a run while the line comes and goes, and in the next
 * run by what lies in a hidden part beside its own name. Whole, or not there.
 */
#include "client/api.h"

/* `request`: a GET that answers Range. `what`: names the file among others of that folder, and is the part's name. `local`: "-" is the
 * standard output, which nothing goes on in. */
bool tb_cli_fetch(TbCli *cli, const TbCliRequest *request, const char *what, const char *local,
                  GError **error);
