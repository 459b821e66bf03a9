#include "lib/env_secrets.h"

#include <sys/prctl.h>

#include "lib/config.h"

const char *const tb_env_secrets[] = {"TESTBED_TOKEN",
                                      "SERVER_TOKEN",
                                      "HOST_VNC_PASSWORD",
                                      "WEBRTC_TURN_SECRET",
                                      "WEBRTC_TURN_PASSWORD",
                                      "TESTBED_ADMIN_PASSWORD",
                                      "JWT_SECRET",
                                      "TESTBED_RECORDINGS_KEY",
                                      "DATABASE_URL",
                                      "REDIS_URL",
                                      "POSTGRES_PASSWORD",
                                      "FLASK_SECRET_KEY",
                                      "AWS_SECRET_ACCESS_KEY",
                                      "AWS_SESSION_TOKEN",
                                      "AZURITE_ACCOUNT_KEY",
                                      "OIDC_CLIENT_SECRET",
                                      "SMTP_PASSWORD",
                                      "TELEGRAM_BOT_TOKEN",
                                      "TELEGRAM_WEBHOOK_SECRET",
                                      "NTFY_TOKEN",
                                      "NOTIFY_WEBHOOK_SECRET",
                                      "VAPID_PRIVATE_KEY",
                                      "WORKER_API_TOKEN",
                                      NULL};

void tb_env_secrets_guard(void)
{
#if !defined(__SANITIZE_ADDRESS__) &&                                                                        \
        !defined(__SANITIZE_THREAD__) /* LSan looks at its own process by ptrace */
        for (const char *const *secret = tb_env_secrets; *secret; secret++)
                if (tb_config_env(*secret))
                        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
