#pragma once
/*
 * `testbed`, the command line. One run of it: a row of the table of commands, what stood on the line, where the host is. Each
 * command is a function that talks to the public API (docs/CONTRACT: REST, /host/ws) and returns the exit code; with an error
 * set, main says it in one line and ends with tb_cli_code_of() it. Main thread only: nothing here has another.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* Exit codes. A command that passes a program's own code through adds TB_CLI_OWN to those that are ours. */
typedef enum TbCliCode {
        TB_CLI_OK = 0,
        TB_CLI_FAILED = 1,  /* the device, or what was asked of it, said no */
        TB_CLI_USAGE = 2,   /* the command line, or a value that the host refuses */
        TB_CLI_NO_HOST = 3, /* no host there, or it does not let us in */
        TB_CLI_LEASED = 4,  /* somebody else has the device, or our lease was lost */
        TB_CLI_TIMEOUT = 5,
} TbCliCode;
#define TB_CLI_OWN 120

typedef enum TbCliValue {
        TB_CLI_FLAG, /* takes none */
        TB_CLI_TEXT,
        TB_CLI_FILE,
        TB_CLI_INT,     /* min to max */
        TB_CLI_SECONDS, /* "30", "1.5", "30s", "2m", "1h"; min to max, in seconds */
} TbCliValue;

typedef struct TbCliOption {
        const char *name; /* without --; NULL ends a list */
        char letter;      /* 0: none */
        TbCliValue type;
        const char *value; /* what helps call it: "FILE"; NULL for flags */
        double min, max;
        const char *help;
} TbCliOption;

typedef struct TbCli TbCli;

typedef struct TbCliCommand {
        const char *name; /* NULL ends the table */
        const char *args; /* of the synopsis: "DEVICE[/CONSOLE] PATTERN" */
        const char *summary;
        const char *help;           /* more than the summary; NULL: none */
        const TbCliOption *options; /* NULL: none of its own */
        int min, max;               /* arguments that are no options */
        bool rest;   /* behind `max` of them stands a program with its arguments: nothing of it is ours */
        bool remote; /* … which runs on the device: its words are text, as the API's are */
        const char *complete[3]; /* of each argument: "@device", "@file", or words; NULL: nothing */
        int (*run)(TbCli *cli, GError **error);
} TbCliCommand;

extern const TbCliCommand tb_cli_commands[];
extern const TbCliOption tb_cli_common[];             /* options that all commands have */
const TbCliCommand *tb_cli_command(const char *name); /* NULL: none of that name */

struct TbCli {
        const TbCliCommand *command; /* NULL: none was named */
        GHashTable *values;          /* owned: name of an option → its text, "" for flags */
        char **args;                 /* owned, never NULL */
        int n;                       /* of them */
        char **rest;                 /* owned, never NULL: the program behind them */
        bool json;
        struct TbCliSettings *settings; /* owned; NULL until it is known where the host is */
        struct TbCliApi *api;           /* owned; NULL as long */
};

/* The line without the program's own name. INVALID: says what is wrong with which word. Options stand anywhere before "--", or
 * before the program that a command runs. *cli is to be cleared in any case. */
bool tb_cli_parse(TbCli *cli, const char *const *words, GError **error);
void tb_cli_clear(TbCli *cli);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbCli, tb_cli_clear)

bool tb_cli_flag(const TbCli *cli, const char *name);
const char *tb_cli_text(const TbCli *cli, const char *name); /* borrowed; NULL: not given */
double tb_cli_number(const TbCli *cli, const char *name, double fallback);
/* "30s" → 30. Finite, and not below 0. */
bool tb_cli_seconds(const char *text, double *ret, GError **error);

int tb_cli_code_of(const GError *error);

/* --- help, completion: made of the table --- */
char *tb_cli_synopsis(
        const TbCliCommand *command);           /* "testbed power [--off-s S] DEVICE …"; the caller frees */
char *tb_cli_help(const TbCliCommand *command); /* NULL: of the whole; the caller frees */
char *tb_cli_completion(void);                  /* a script for bash; the caller frees */

/* The events of `input`, of its words ("tap", "10", "20"). The caller owns the reference; NULL: INVALID. */
json_t *tb_cli_input_events(char **words, int n, GError **error);

/* --- the commands: each in the file of its group --- */
int tb_cli_run_apps(TbCli *cli, GError **error);
int tb_cli_run_attach(TbCli *cli, GError **error);
int tb_cli_run_clips(TbCli *cli, GError **error);
int tb_cli_run_clipboard(TbCli *cli, GError **error);
int tb_cli_run_completion(TbCli *cli, GError **error);
int tb_cli_run_console(TbCli *cli, GError **error);
int tb_cli_run_detach(TbCli *cli, GError **error);
int tb_cli_run_discover(TbCli *cli, GError **error);
int tb_cli_run_expect(TbCli *cli, GError **error);
int tb_cli_run_help(TbCli *cli, GError **error);
int tb_cli_run_input(TbCli *cli, GError **error);
int tb_cli_run_install(TbCli *cli, GError **error);
int tb_cli_run_lease(TbCli *cli, GError **error);
int tb_cli_run_listen(TbCli *cli, GError **error);
int tb_cli_run_lock(TbCli *cli, GError **error);
int tb_cli_run_log(TbCli *cli, GError **error);
int tb_cli_run_ls(TbCli *cli, GError **error);
int tb_cli_run_power(TbCli *cli, GError **error);
int tb_cli_run_mount(TbCli *cli, GError **error);
int tb_cli_run_gpio(TbCli *cli, GError **error);
int tb_cli_run_pull(TbCli *cli, GError **error);
int tb_cli_run_push(TbCli *cli, GError **error);
int tb_cli_run_record(TbCli *cli, GError **error);
int tb_cli_run_rules(TbCli *cli, GError **error);
int tb_cli_run_run(TbCli *cli, GError **error);
int tb_cli_run_screenshot(TbCli *cli, GError **error);
int tb_cli_run_sensors(TbCli *cli, GError **error);
int tb_cli_run_show(TbCli *cli, GError **error);
int tb_cli_run_unlock(TbCli *cli, GError **error);
int tb_cli_run_watch(TbCli *cli, GError **error);
