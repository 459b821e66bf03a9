/* The table of commands: the line is parsed by it, help and completion are made of it, the man page is held against it. */
#include <string.h>

#include "client/cli.h"
#include "lib/limits.h"

#define END                                                                                                  \
        {                                                                                                    \
                .name = NULL                                                                                 \
        }

const TbCliOption tb_cli_common[] = {
        {"host", 'H', TB_CLI_TEXT, "URL|NAME",
         .help = "the host, by URL or by its name in client.yaml (TESTBED_HOST)"},
        {"server", 0, TB_CLI_TEXT, "URL",
         .help = "the pairing server; devices are lab-1/board then (TESTBED_SERVER)"},
        {"token-file", 0, TB_CLI_FILE, "FILE",
         .help = "where the token is (TESTBED_TOKEN_FILE; or TESTBED_TOKEN itself)"},
        {"ca", 0, TB_CLI_FILE, "FILE",
         .help = "PEM certificates that vouch for it, in place of the system's (TESTBED_CA)"},
        {"lease", 0, TB_CLI_TEXT, "LEASE", .help = "a lease that was taken before (TESTBED_LEASE)"},
        {"json", 'j', TB_CLI_FLAG, NULL, .help = "print JSON"},
        {"help", 'h', TB_CLI_FLAG, NULL, .help = "print this"},
        {"version", 0, TB_CLI_FLAG, NULL, .help = "print the version"},
        END,
};

static const TbCliOption ls_options[] = {
        {"quiet", 'q', TB_CLI_FLAG, NULL, .help = "names alone, a line each"},
        END,
};

static const TbCliOption power_options[] = {
        {"off-s", 0, TB_CLI_SECONDS, "S", 0, TB_LIMIT_CYCLE_OFF_S, "how long a cycle leaves it off"},
        {"emergency", 0, TB_CLI_FLAG, NULL,
         .help = "off: at once, before all that waits (the holder, or an admin)"},
        END,
};

static const TbCliOption gpio_options[] = {
        {"ms", 0, TB_CLI_INT, "MS", 1, TB_LIMIT_PULSE_MS, "press: how long (200)"},
        END,
};

#define FROM                                                                                                 \
        {                                                                                                    \
                "from", 0, TB_CLI_INT, "OFFSET", 0, 9e15,                                                    \
                        "begin at this byte of the history; 0: all that is kept"                             \
        }

static const TbCliOption console_options[] = {
        {"tail", 'n', TB_CLI_INT, "BYTES", 0, TB_LIMIT_CLI_TAIL,
         "of the history first (2000; none behind a pipe)"},
        FROM,
        {"log", 'l', TB_CLI_FILE, "FILE", .help = "append what the device says to this file, too"},
        {"escape", 'e', TB_CLI_TEXT, "KEY", .help = "key that opens the menu: ^A to ^_, or none (^])"},
        {"follow", 'f', TB_CLI_FLAG, NULL, .help = "go on when the input has ended"},
        {"quiet-s", 0, TB_CLI_SECONDS, "S", 0, 3600,
         "the input has ended: silence of the device that ends it (1)"},
        {"reconnect-s", 0, TB_CLI_SECONDS, "S", 0, 86400, "how long a lost connection is tried again (300)"},
        END,
};

static const TbCliOption expect_options[] = {
        {"send", 's', TB_CLI_TEXT, "TEXT",
         .help = "send it first; \\n \\r \\t \\e \\\\ \\xHH mean what they mean in C"},
        {"timeout", 't', TB_CLI_SECONDS, "S", 0, TB_LIMIT_COMMAND_S, "how long to wait (30)"},
        FROM,
        END,
};

static const TbCliOption log_options[] = {
        {"tail", 'n', TB_CLI_INT, "LINES", 1, TB_LIMIT_CLI_LOG_LINES, "the last ones"},
        {"since", 0, TB_CLI_SECONDS, "AGO", 0, 1e9, "lines of the last so many seconds (10m, 2h)"},
        FROM,
        {"times", 't', TB_CLI_FLAG, NULL, .help = "with the time of each line"},
        END,
};

static const TbCliOption run_options[] = {
        {"timeout", 't', TB_CLI_SECONDS, "S", 0.1, TB_LIMIT_COMMAND_S, "then it is killed (30)"},
        {"stdin", 'i', TB_CLI_FLAG, NULL,
         .help = "it reads what we read: text, in a request of 1 MiB at most"},
        {"command", 'c', TB_CLI_TEXT, "LINE",
         .help = "a line for the device's own shell, in place of a program"},
        END,
};

static const TbCliOption copy_options[] = {
        {"recursive", 'r', TB_CLI_FLAG, NULL, .help = "a folder with all that is in it"},
        {"mode", 'm', TB_CLI_TEXT, "MODE",
         .help = "push: of the file there, octal (by default that of the file here)"},
        {"quiet", 'q', TB_CLI_FLAG, NULL, .help = "no progress"},
        END,
};

static const TbCliOption output_options[] = {
        {"output", 'o', TB_CLI_FILE, "FILE",
         .help = "where to; - is the standard output (DEVICE.png; .jpg makes a JPEG)"},
        END,
};

static const TbCliOption record_options[] = {
        {"output", 'o', TB_CLI_FILE, "FILE", .help = "where to; - is the standard output (DEVICE.mjpeg)"},
        {"fps", 0, TB_CLI_INT, "N", 1, 60, "pictures a second at most"},
        {"quality", 0, TB_CLI_INT, "N", 1, 100, "of each picture"},
        END,
};

static const TbCliOption listen_options[] = {
        {"output", 'o', TB_CLI_FILE, "FILE", .help = "where to; - is the standard output (DEVICE.wav)"},
        END,
};

#define TTL                                                                                                  \
        {                                                                                                    \
                "ttl", 0, TB_CLI_SECONDS, "S", 1, TB_LIMIT_LEASE_S,                                          \
                        "it ends when we are silent for so long (60; lock: 300)"                             \
        }
#define WAIT                                                                                                 \
        {                                                                                                    \
                "wait", 'w', TB_CLI_SECONDS, "S", 0, TB_LIMIT_LEASE_WAIT_S,                                  \
                        "queue for so long when it is taken (0)"                                             \
        }
#define NOTE                                                                                                 \
        {                                                                                                    \
                "note", 0, TB_CLI_TEXT, "TEXT", .help = "shown to others"                                    \
        }

static const TbCliOption lease_options[] = {TTL, WAIT, NOTE, END};

static const TbCliOption watch_options[] = {
        {"type", 0, TB_CLI_TEXT, "TYPES",
         .help = "only these: power.state, or a family, lease.*; with commas"},
        {"after", 0, TB_CLI_INT, "ID", 0, 9e15, "what came after this event first; 0: all that is kept"},
        END,
};

static const TbCliOption sensors_options[] = {
        {"follow", 'f', TB_CLI_FLAG, NULL, .help = "samples as they come"},
        END,
};

static const TbCliOption attach_options[] = {
        {"label", 0, TB_CLI_TEXT, "TEXT", .help = "what people call it"},
        END,
};

static const TbCliOption unlock_options[] = {
        {"force", 'f', TB_CLI_FLAG, NULL,
         .help = "also when somebody else has it (an admin): his control ends at once"},
        END,
};

static const TbCliOption clips_options[] = {
        {"since", 0, TB_CLI_SECONDS, "AGO", 0, 1e9, "list: those of the last so many seconds (10m, 2h)"},
        {"rule", 0, TB_CLI_TEXT, "RULE", .help = "list: those that this rule made"},
        {"text", 0, TB_CLI_TEXT, "TEXT", .help = "list: those with this in note, device, user or rule"},
        {"pre-s", 0, TB_CLI_SECONDS, "S", 0, TB_LIMIT_CLIP_PRE_S, "make: seconds before now (10)"},
        {"post-s", 0, TB_CLI_SECONDS, "S", 0, TB_LIMIT_CLIP_POST_S, "make: seconds from now on (5)"},
        {"note", 0, TB_CLI_TEXT, "TEXT", .help = "make: what it is about"},
        {"wait", 'w', TB_CLI_FLAG, NULL, .help = "make: until it is there"},
        {"output", 'o', TB_CLI_FILE, "FILE", .help = "get: where to; - is the standard output (CLIP-FILE)"},
        {"quiet", 'q', TB_CLI_FLAG, NULL, .help = "no progress"},
        END,
};

static const TbCliOption rules_options[] = {
        {"since", 0, TB_CLI_SECONDS, "AGO", 0, 1e9, "test: over so many seconds of history (a day)"},
        END,
};

#define CODES                                                                                                \
        "Exit code: the program's own. What is ours is 120 and more: 121 the device failed, 122 usage, 123 " \
        "no host, "                                                                                          \
        "124 the lease, 125 time is over."

const TbCliCommand tb_cli_commands[] = {
        {"ls", "[HOST]", "the devices: state, who has them, interfaces",
         "HOST: of one host of the server (--server).", ls_options, 0, 1, .run = tb_cli_run_ls},
        {"show", "DEVICE", "one device and its interfaces", NULL, NULL, 1, 1, .complete = {"@device"},
         .run = tb_cli_run_show},
        {"power", "DEVICE[/SWITCH] [on|off|cycle|status]",
         "switch it, or say how it is (status, the default)",
         "Answers when the driver has read the state back.", power_options, 1, 2,
         .complete = {"@device", "on off cycle status"}, .run = tb_cli_run_power},
        {"gpio", "DEVICE[/GPIO] [LINE [on|off|press]]",
         "its buttons, boot straps and LEDs: say how they are, set or press one",
         "A press is on for a while, and off again however it ends.", gpio_options, 1, 3,
         .complete = {"@device", "", "on off press"}, .run = tb_cli_run_gpio},
        {"console", "DEVICE[/CONSOLE]", "a terminal on its serial console",
         "The key ^] opens a menu: power cycle, break, log to a file, quit; ^] again sends it. A lost "
         "connection is made again, and "
         "goes on where it was: no byte is missed or shown twice; keys that are typed meanwhile are dropped. "
         "Input from a pipe is sent as it is; when "
         "it has ended and the device "
         "was silent for a second, that is the end. A program that has a terminal there (exec, a phone's "
         "shell) is told how "
         "large ours is.",
         console_options, 1, 1, .complete = {"@device"}, .run = tb_cli_run_console},
        {"expect", "DEVICE[/CONSOLE] PATTERN", "wait until the console says it, and print that",
         "PATTERN is a regular expression (PCRE). Prints what matched; with --json also its groups and what "
         "stood before. "
         "Exit code 0: it came; 5: it did not come in time, and what came instead is on the standard error.",
         expect_options, 2, 2, .complete = {"@device"}, .run = tb_cli_run_expect},
        {"log", "DEVICE[/CONSOLE]", "what the console said, from the history", NULL, log_options, 1, 1,
         .complete = {"@device"}, .run = tb_cli_run_log},
        {"run", "DEVICE[/SHELL] [--] PROGRAM [ARG…]", "run a program on the device",
         "Its output comes when it has ended. " CODES, run_options, 1, 1, .rest = true, .remote = true,
         .complete = {"@device"}, .run = tb_cli_run_run},
        {"push", "DEVICE LOCAL REMOTE", "copy a file to the device",
         "LOCAL - is the standard input. What cannot be copied (links, devices, empty folders) is said, and "
         "the "
         "exit code is 1 then.",
         copy_options, 3, 3, .complete = {"@device", "@file"}, .run = tb_cli_run_push},
        {"pull", "DEVICE REMOTE [LOCAL]", "copy a file from the device",
         "LOCAL - is the standard output. A file that came in part is removed.", copy_options, 2, 3,
         .complete = {"@device", NULL, "@file"}, .run = tb_cli_run_pull},
        {"install", "DEVICE FILE", "install an app: an APK, or a bundle of them (.apks, .xapk)", NULL, NULL,
         2, 2, .complete = {"@device", "@file"}, .run = tb_cli_run_install},
        {"apps", "DEVICE [start|stop|remove PACKAGE]", "the installed apps; start, stop, remove one", NULL,
         NULL, 1, 3, .complete = {"@device", "start stop remove"}, .run = tb_cli_run_apps},
        {"screenshot", "DEVICE[/SCREEN]", "its screen as a picture", NULL, output_options, 1, 1,
         .complete = {"@device"}, .run = tb_cli_run_screenshot},
        {"record", "DEVICE[/SCREEN] TIME", "its screen for a while, as a stream of JPEG pictures",
         "The file is MJPEG, as ffmpeg, ffplay and mpv read it (ffmpeg -f mjpeg -i FILE …).", record_options,
         2, 2, .complete = {"@device"}, .run = tb_cli_run_record},
        {"clips",
         "[list [DEVICE] | make DEVICE | show CLIP | get CLIP [FILE] | note CLIP TEXT | keep CLIP [on|off] | "
         "remove CLIP]",
         "what the flight recorder kept: list, make, fetch, note, keep, remove",
         "FILE is video.mp4 (the default), bundle.tar (all of it, with a page that plays it), console.cast, "
         "console.txt, "
         "events.jsonl, samples.csv, marks.vtt or thumb.jpg. A line that breaks is made again; what came "
         "stays in a hidden file beside, and the same get goes on from there. Through a server a clip is "
         "HOST/CLIP.",
         clips_options, 0, 3, .complete = {"list make show get note keep remove", "@device"},
         .run = tb_cli_run_clips},
        {"rules",
         "[list [HOST] | show RULE | test RULE | enable RULE | disable RULE | put RULE FILE | remove RULE]",
         "what the host watches for and does by itself",
         "test says when it would have fired, by what the host keeps; nothing is done. put makes a rule, or "
         "changes it, by "
         "the JSON of FILE, as show prints it (- is the standard input); that, enable, disable and remove "
         "are an admin's. Through a server a rule is HOST/RULE.",
         rules_options, 0, 3, .complete = {"list show test enable disable put remove", "", "@file"},
         .run = tb_cli_run_rules},
        {"listen", "DEVICE[/SOUND] TIME", "its sound for a while, as a WAV file", NULL, listen_options, 2, 2,
         .complete = {"@device"}, .run = tb_cli_run_listen},
        {"mount",
         "DEVICE [status | goto RA DEC [NAME] | move up|down|left|right [S] | stop | park | track on|off | "
         "sync RA DEC | focus N|+N|-N|auto | exposure MS | gain N | view MODE | stack on|off | ask METHOD "
         "[JSON]]",
         "a telescope: where it points, and where to",
         "RA is in hours (5h35m17s, 5:35:17, 5.588) or degrees (83.82deg), DEC in degrees (-5d23m28s, behind "
         "-- as any "
         "word that begins with -), both of J2000.0. It is answered when it has begun; testbed watch says "
         "how it goes on.",
         NULL, 1, 5,
         .complete = {"@device", "status goto move stop park track sync focus exposure gain view stack ask"},
         .run = tb_cli_run_mount},
        {"input",
         "DEVICE text TEXT | key KEY… | click X Y [BUTTON] | move X Y | scroll X Y DOWN [RIGHT] | tap X Y | "
         "swipe X1 Y1 X2 Y2 [MS]",
         "keys, pointer and touches",
         "KEY is a KeyboardEvent.key (Enter, F2, a), or several together: Control+Alt+Delete. BUTTON is "
         "left, right or "
         "middle; DOWN and RIGHT are clicks of the wheel (behind -- where they are negative). Pixels are "
         "those of the screen.",
         NULL, 2, 64, .complete = {"@device", "text key click move scroll tap swipe"},
         .run = tb_cli_run_input},
        {"clipboard", "DEVICE [TEXT|-]", "the text that was copied last there; copy TEXT into it",
         "- is the standard input. Text in UTF-8, 256 KiB at most.", NULL, 1, 2, .complete = {"@device"},
         .run = tb_cli_run_clipboard},
        {"lease", "DEVICE [--] [PROGRAM ARG…]",
         "run a program while the device is ours; without one: who has it",
         "The program's environment has TESTBED_DEVICE, TESTBED_LEASE, TESTBED_URL and where the host is: "
         "what it calls of testbed holds "
         "the lease, and lease and lock in it take nothing and give nothing back. Raw consoles that are open "
         "are in TESTBED_RFC2217 and TESTBED_TCP. The lease is given "
         "back when the program ends. Is "
         "it lost before, or testbed told to end, the program and all that it started get SIGTERM, SIGKILL "
         "ten seconds later. A program that does not exist: 127, one that cannot be run: 126. " CODES,
         lease_options, 1, 1, .rest = true, .complete = {"@device"}, .run = tb_cli_run_lease},
        {"lock", "DEVICE", "take the device, and print the lease",
         "It ends when its holder was silent for --ttl: each call with it counts (TESTBED_LEASE).",
         lease_options, 1, 1, .complete = {"@device"}, .run = tb_cli_run_lock},
        {"unlock", "DEVICE", "give the device back",
         "Who took it with testbed lock on this machine needs no --lease: lock keeps it for unlock.",
         unlock_options, 1, 1, .complete = {"@device"}, .run = tb_cli_run_unlock},
        {"watch", "[DEVICE]", "what happens, a line each, until Ctrl-C",
         "With a server: HOST/ or HOST/DEVICE.", watch_options, 0, 1, .complete = {"@device"},
         .run = tb_cli_run_watch},
        {"sensors", "DEVICE[/SENSORS]", "the latest value of each sensor", NULL, sensors_options, 1, 1,
         .complete = {"@device"}, .run = tb_cli_run_sensors},
        {"discover", "[HOST]", "hardware that was found, with the URI to attach it by", NULL, NULL, 0, 1,
         .run = tb_cli_run_discover},
        {"attach", "DEVICE URI…", "add a device", "It is kept across restarts of the host (an admin).",
         attach_options, 2, 32, .run = tb_cli_run_attach},
        {"detach", "DEVICE", "remove a device that was added so", NULL, NULL, 1, 1, .complete = {"@device"},
         .run = tb_cli_run_detach},
        {"completion", "bash", "the script that completes words in bash",
         "In ~/.bashrc: source <(testbed completion bash)", NULL, 1, 1, .complete = {"bash"},
         .run = tb_cli_run_completion},
        {"help", "[COMMAND]", "what a command does", NULL, NULL, 0, 1, .run = tb_cli_run_help},
        END,
};

const TbCliCommand *tb_cli_command(const char *name)
{
        for (const TbCliCommand *c = tb_cli_commands; c->name; c++)
                if (strcmp(c->name, name) == 0)
                        return c;
        return NULL;
}
