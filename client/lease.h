#pragma once
/* A device that is ours for a while. */
#include <stdbool.h>

#include "client/api.h"

/* Takes it by the options --wait and --note; what is asked for afterwards shows the lease. */
bool tb_cli_lease_take(TbCli *cli, const TbCliDevice *d, double ttl_s, GError **error);
bool tb_cli_lease_release(TbCli *cli, const TbCliDevice *d, GError **error);
/* Runs the program in cli->rest while it is ours. Returns its exit code, 128 + the signal that ended it, or, with `error`, ours. */
int tb_cli_lease_run(TbCli *cli, const TbCliDevice *d, GError **error);
