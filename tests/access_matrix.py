"""The rows of the access matrix: who gets what at every route. `tests/test_access.py` tries each.

`in` means let in: done, or answered by what stands behind the gate, such as a form with mistakes or
a rule that refuses. `login` is the way to the sign-in page, also after signing out. A number is that status.
"""

# ruff: noqa: E501  # a row is a line

# anonymous, a stranger, owner, manager, user, billing
PAGES = """
GET  /api/schema/                                                             in    in  in  in  in  in
POST /api/schema/                                                             405   405 405 405 405 405
GET  /api/docs/                                                               in    in  in  in  in  in
POST /api/docs/                                                               405   405 405 405 405 405
GET  /healthz                                                                 in    in  in  in  in  in
POST /healthz                                                                 405   405 405 405 405 405
GET  /readyz                                                                  in    in  in  in  in  in
POST /readyz                                                                  405   405 405 405 405 405
GET  /metrics                                                                 in    in  in  in  in  in
POST /metrics                                                                 405   405 405 405 405 405
GET  /account/signup/                                                         in    in  in  in  in  in
POST /account/signup/                                                         in    in  in  in  in  in
GET  /account/login/                                                          in    in  in  in  in  in
POST /account/login/                                                          in    in  in  in  in  in
GET  /account/logout/                                                         in    in  in  in  in  in
POST /account/logout/                                                         in    in  in  in  in  in
GET  /account/reauthenticate/                                                 login in  in  in  in  in
POST /account/reauthenticate/                                                 login in  in  in  in  in
GET  /account/login/code/                                                     login in  in  in  in  in
POST /account/login/code/                                                     login in  in  in  in  in
GET  /account/login/passkey/                                                  login in  in  in  in  in
POST /account/login/passkey/                                                  login in  in  in  in  in
GET  /account/confirm-email/                                                  in    in  in  in  in  in
POST /account/confirm-email/                                                  405   405 405 405 405 405
GET  /account/confirm-email/<key>/                                            in    in  in  in  in  in
POST /account/confirm-email/<key>/                                            404   404 404 404 404 404
GET  /account/reauthenticate/code/                                            login in  in  in  in  in
POST /account/reauthenticate/code/                                            login in  in  in  in  in
GET  /account/reauthenticate/passkey/                                         login in  in  in  in  in
POST /account/reauthenticate/passkey/                                         login in  in  in  in  in
GET  /account/security/                                                       login in  in  in  in  in
POST /account/security/                                                       login 405 405 405 405 405
GET  /account/security/password/                                              login in  in  in  in  in
POST /account/security/password/                                              login in  in  in  in  in
GET  /account/security/password/first/                                        login in  in  in  in  in
POST /account/security/password/first/                                        login in  in  in  in  in
GET  /account/security/app/                                                   login in  in  in  in  in
POST /account/security/app/                                                   login in  in  in  in  in
GET  /account/security/app/remove/                                            login 404 404 404 404 404
POST /account/security/app/remove/                                            login 404 404 404 404 404
GET  /account/security/codes/                                                 login 404 404 404 404 404
POST /account/security/codes/                                                 login 405 405 405 405 405
GET  /account/security/codes/download/                                        login 404 404 404 404 404
POST /account/security/codes/download/                                        login 404 404 404 404 404
GET  /account/security/codes/new/                                             login in  in  in  in  in
POST /account/security/codes/new/                                             login in  in  in  in  in
GET  /account/security/passkeys/new/                                          login in  in  in  in  in
POST /account/security/passkeys/new/                                          login in  in  in  in  in
GET  /account/security/passkeys/<pk>/rename/                                  login 404 404 404 404 404
POST /account/security/passkeys/<pk>/rename/                                  login 404 404 404 404 404
GET  /account/security/passkeys/<pk>/remove/                                  login 404 404 404 404 404
POST /account/security/passkeys/<pk>/remove/                                  login 404 404 404 404 404
GET  /account/sign-on/                                                        405   405 405 405 405 405
POST /account/sign-on/                                                        404   404 404 404 404 404
GET  /account/sign-on/callback/                                               404   404 404 404 404 404
POST /account/sign-on/callback/                                               405   405 405 405 405 405
GET  /account/sign-on/new/                                                    login login login login login login
POST /account/sign-on/new/                                                    login login login login login login
GET  /account/sign-on/cancelled/                                              login login login login login login
POST /account/sign-on/cancelled/                                              405   405 405 405 405 405
GET  /account/security/sign-on/remove/                                        login 404 404 404 404 404
POST /account/security/sign-on/remove/                                        login 404 404 404 404 404
GET  /account/inactive/                                                       in    in  in  in  in  in
POST /account/inactive/                                                       405   405 405 405 405 405
GET  /account/password/                                                       in    in  in  in  in  in
POST /account/password/                                                       in    in  in  in  in  in
GET  /account/password/sent/                                                  in    in  in  in  in  in
POST /account/password/sent/                                                  405   405 405 405 405 405
GET  /account/password/changed/                                               in    in  in  in  in  in
POST /account/password/changed/                                               405   405 405 405 405 405
GET  /account/password/<uidb36>/<key>/                                        in    in  in  in  in  in
POST /account/password/<uidb36>/<key>/                                        in    in  in  in  in  in
GET  /                                                                        login in  in  in  in  in
POST /                                                                        login 405 405 405 405 405
GET  /account/                                                                login in  in  in  in  in
POST /account/                                                                login 405 405 405 405 405
GET  /account/continue/                                                       login in  in  in  in  in
POST /account/continue/                                                       login 405 405 405 405 405
GET  /account/two-factor/                                                     login in  in  in  in  in
POST /account/two-factor/                                                     login 405 405 405 405 405
GET  /account/profile/                                                        login in  in  in  in  in
POST /account/profile/                                                        login in  in  in  in  in
GET  /account/profile/email/                                                  login 405 405 405 405 405
POST /account/profile/email/                                                  login in  in  in  in  in
GET  /account/profile/email/<token>/                                          in    in  in  in  in  in
POST /account/profile/email/<token>/                                          in    in  in  in  in  in
GET  /account/sessions/                                                       login in  in  in  in  in
POST /account/sessions/                                                       login 405 405 405 405 405
GET  /account/sessions/end/                                                   login 405 405 405 405 405
POST /account/sessions/end/                                                   login login login login login login
GET  /account/sessions/<pk>/end/                                              login 405 405 405 405 405
POST /account/sessions/<pk>/end/                                              login 404 404 404 404 404
GET  /account/join/                                                           login 405 405 405 405 405
POST /account/join/                                                           login in  in  in  in  in
GET  /account/organizations/                                                  login 405 405 405 405 405
POST /account/organizations/                                                  login in  in  in  in  in
GET  /account/tokens/                                                         login in  in  in  in  in
POST /account/tokens/                                                         login 405 405 405 405 405
GET  /account/tokens/new/                                                     login in  in  in  in  in
POST /account/tokens/new/                                                     login in  in  in  in  in
GET  /account/tokens/<uid>/rotate/                                            login 404 in  404 404 404
POST /account/tokens/<uid>/rotate/                                            login 404 in  404 404 404
GET  /account/tokens/<uid>/revoke/                                            login 404 in  404 404 404
POST /account/tokens/<uid>/revoke/                                            login 404 in  404 404 404
GET  /o/<org>/enter/                                                          login 404 in  in  in  in
POST /o/<org>/enter/                                                          login 405 405 405 405 405
GET  /o/<org>/settings/general/                                               login 404 in  in  in  in
POST /o/<org>/settings/general/                                               login 405 405 405 405 405
GET  /o/<org>/settings/general/save/                                          login 404 in  403 403 403
POST /o/<org>/settings/general/save/                                          login 404 in  403 403 403
GET  /o/<org>/settings/general/transfer/                                      login 404 in  403 403 403
POST /o/<org>/settings/general/transfer/                                      login 404 in  403 403 403
GET  /o/<org>/settings/general/delete/                                        login 404 in  403 403 403
POST /o/<org>/settings/general/delete/                                        login 404 in  403 403 403
GET  /o/<org>/settings/users/                                                 login 404 in  in  in  403
POST /o/<org>/settings/users/                                                 login 405 405 405 405 405
GET  /o/<org>/settings/users/<uid>/role/                                      login 404 in  in  403 403
POST /o/<org>/settings/users/<uid>/role/                                      login 404 in  in  403 403
GET  /o/<org>/settings/users/<uid>/remove/                                    login 404 in  in  403 403
POST /o/<org>/settings/users/<uid>/remove/                                    login 404 in  in  403 403
GET  /o/<org>/settings/invites/                                               login 404 in  in  403 403
POST /o/<org>/settings/invites/                                               login 405 405 405 405 405
GET  /o/<org>/settings/invites/new/                                           login 404 in  in  403 403
POST /o/<org>/settings/invites/new/                                           login 404 in  in  403 403
GET  /o/<org>/settings/invites/<uid>/revoke/                                  login 404 in  in  403 403
POST /o/<org>/settings/invites/<uid>/revoke/                                  login 404 in  in  403 403
GET  /o/<org>/settings/environments/                                          login 404 in  in  in  403
POST /o/<org>/settings/environments/                                          login 405 405 405 405 405
GET  /o/<org>/settings/environments/new/                                      login 404 in  in  403 403
POST /o/<org>/settings/environments/new/                                      login 404 in  in  403 403
GET  /o/<org>/settings/environments/order/                                    login 405 405 405 405 405
POST /o/<org>/settings/environments/order/                                    login 404 in  in  403 403
GET  /o/<org>/settings/environments/<uid>/rename/                             login 404 in  in  403 403
POST /o/<org>/settings/environments/<uid>/rename/                             login 404 in  in  403 403
GET  /o/<org>/settings/environments/<uid>/delete/                             login 404 in  in  403 403
POST /o/<org>/settings/environments/<uid>/delete/                             login 404 in  in  403 403
GET  /o/<org>/settings/api-keys/                                              login 404 in  in  403 403
POST /o/<org>/settings/api-keys/                                              login 405 405 405 405 405
GET  /o/<org>/settings/api-keys/new/                                          login 404 in  in  403 403
POST /o/<org>/settings/api-keys/new/                                          login 404 in  in  403 403
GET  /o/<org>/settings/api-keys/<uid>/rotate/                                 login 404 in  in  403 403
POST /o/<org>/settings/api-keys/<uid>/rotate/                                 login 404 in  in  403 403
GET  /o/<org>/settings/api-keys/<uid>/revoke/                                 login 404 in  in  403 403
POST /o/<org>/settings/api-keys/<uid>/revoke/                                 login 404 in  in  403 403
GET  /o/<org>/settings/audit/                                                 login 404 in  in  403 403
POST /o/<org>/settings/audit/                                                 login 405 405 405 405 405
GET  /o/<org>/settings/audit/head/                                            login 404 in  in  403 403
POST /o/<org>/settings/audit/head/                                            login 405 405 405 405 405
GET  /o/<org>/settings/audit/verify/                                          login 405 405 405 405 405
POST /o/<org>/settings/audit/verify/                                          login 404 in  in  403 403
GET  /o/<org>/settings/audit/export/<form>/                                   login 404 in  in  403 403
POST /o/<org>/settings/audit/export/<form>/                                   login 405 405 405 405 405
GET  /o/<org>/settings/audit/<uid>/                                           login 404 in  in  403 403
POST /o/<org>/settings/audit/<uid>/                                           login 405 405 405 405 405
GET  /agent/hydra-agent.pyz                                                   in    in  in  in  in  in
POST /agent/hydra-agent.pyz                                                   405   405 405 405 405 405
GET  /agent/hydra-agent.pyz.sha256                                            in    in  in  in  in  in
POST /agent/hydra-agent.pyz.sha256                                            405   405 405 405 405 405
GET  /o/<org>/agents/                                                         login 404 in  in  in  403
POST /o/<org>/agents/                                                         login 405 405 405 405 405
GET  /o/<org>/agents/new/                                                     login 404 in  in  403 403
POST /o/<org>/agents/new/                                                     login 404 in  in  403 403
GET  /o/<org>/agents/<uid>/revoke/                                            login 404 in  in  403 403
POST /o/<org>/agents/<uid>/revoke/                                            login 404 in  in  403 403
GET  /o/<org>/projects/                                                       login 404 in  in  in  403
POST /o/<org>/projects/                                                       login 405 405 405 405 405
GET  /o/<org>/projects/new/                                                   login 404 in  in  403 403
POST /o/<org>/projects/new/                                                   login 404 in  in  403 403
GET  /o/<org>/projects/<code>/settings/                                       login 404 in  in  in  403
POST /o/<org>/projects/<code>/settings/                                       login 404 in  in  403 403
GET  /o/<org>/projects/<code>/delete/                                         login 405 405 405 405 405
POST /o/<org>/projects/<code>/delete/                                         login 404 in  in  403 403
GET  /o/<org>/projects/<code>/applications/                                   login 405 405 405 405 405
POST /o/<org>/projects/<code>/applications/                                   login 404 in  in  403 403
GET  /o/<org>/projects/<code>/applications/<application>/disconnect/          login 404 in  in  403 403
POST /o/<org>/projects/<code>/applications/<application>/disconnect/          login 404 in  in  403 403
GET  /o/<org>/projects/<code>/environments/                                   login 404 in  in  in  403
POST /o/<org>/projects/<code>/environments/                                   login 405 405 405 405 405
GET  /o/<org>/projects/<code>/environments/add/                               login 405 405 405 405 405
POST /o/<org>/projects/<code>/environments/add/                               login 404 in  in  403 403
GET  /o/<org>/projects/<code>/environments/<slug>/                            login 404 in  in  403 403
POST /o/<org>/projects/<code>/environments/<slug>/                            login 404 in  in  403 403
GET  /o/<org>/projects/<code>/environments/<slug>/remove/                     login 404 in  in  403 403
POST /o/<org>/projects/<code>/environments/<slug>/remove/                     login 404 in  in  403 403
GET  /o/<org>/projects/<code>/agents/                                         login 404 in  in  in  403
POST /o/<org>/projects/<code>/agents/                                         login 405 405 405 405 405
GET  /o/<org>/projects/<code>/agents/link/                                    login 405 405 405 405 405
POST /o/<org>/projects/<code>/agents/link/                                    login 404 in  in  403 403
GET  /o/<org>/projects/<code>/agents/unlink/                                  login 405 405 405 405 405
POST /o/<org>/projects/<code>/agents/unlink/                                  login 404 404 404 403 403
GET  /o/<org>/projects/<code>/configurations/                                 login 404 in  in  in  403
POST /o/<org>/projects/<code>/configurations/                                 login 405 405 405 405 405
GET  /o/<org>/projects/<code>/configurations/<file>/<slug>/                   login 404 in  in  in  403
POST /o/<org>/projects/<code>/configurations/<file>/<slug>/                   login 404 in  in  403 403
GET  /o/<org>/projects/<code>/configurations/<file>/<slug>/remove/            login 405 405 405 405 405
POST /o/<org>/projects/<code>/configurations/<file>/<slug>/remove/            login 404 in  in  403 403
GET  /o/<org>/projects/<code>/variables/                                      login 404 in  in  in  403
POST /o/<org>/projects/<code>/variables/                                      login 405 405 405 405 405
GET  /o/<org>/projects/<code>/variables/add/                                  login 405 405 405 405 405
POST /o/<org>/projects/<code>/variables/add/                                  login 404 in  in  403 403
GET  /o/<org>/projects/<code>/variables/<uid>/                                login 404 in  in  403 403
POST /o/<org>/projects/<code>/variables/<uid>/                                login 404 in  in  403 403
GET  /o/<org>/projects/<code>/variables/<uid>/delete/                         login 404 in  in  403 403
POST /o/<org>/projects/<code>/variables/<uid>/delete/                         login 404 in  in  403 403
GET  /o/<org>/projects/<code>/rules/                                          login 404 in  in  in  403
POST /o/<org>/projects/<code>/rules/                                          login 405 405 405 405 405
GET  /o/<org>/projects/<code>/rules/order/                                    login 405 405 405 405 405
POST /o/<org>/projects/<code>/rules/order/                                    login 404 in  in  403 403
GET  /o/<org>/projects/<code>/rules/new/                                      login 404 in  in  403 403
POST /o/<org>/projects/<code>/rules/new/                                      login 404 in  in  403 403
GET  /o/<org>/rules/                                                          login 404 in  in  in  403
POST /o/<org>/rules/                                                          login 405 405 405 405 405
GET  /o/<org>/rules/simulate/                                                 login 404 in  in  in  403
POST /o/<org>/rules/simulate/                                                 login 405 405 405 405 405
GET  /o/<org>/rules/<uid>/                                                    login 404 in  in  403 403
POST /o/<org>/rules/<uid>/                                                    login 404 in  in  403 403
GET  /o/<org>/rules/<uid>/switch/                                             login 405 405 405 405 405
POST /o/<org>/rules/<uid>/switch/                                             login 404 in  in  403 403
GET  /o/<org>/rules/<uid>/delete/                                             login 404 in  in  403 403
POST /o/<org>/rules/<uid>/delete/                                             login 404 in  in  403 403
GET  /o/<org>/applications/                                                   login 404 in  in  in  403
POST /o/<org>/applications/                                                   login 405 405 405 405 405
GET  /o/<org>/applications/new/                                               login 404 in  in  403 403
POST /o/<org>/applications/new/                                               login 404 in  in  403 403
GET  /o/<org>/applications/<code>/                                            login 404 in  in  in  403
POST /o/<org>/applications/<code>/                                            login 405 405 405 405 405
GET  /o/<org>/applications/<code>/versions/                                   login 404 in  in  in  403
POST /o/<org>/applications/<code>/versions/                                   login 405 405 405 405 405
GET  /o/<org>/applications/<code>/versions/<uid>/block/                       login 404 in  in  403 403
POST /o/<org>/applications/<code>/versions/<uid>/block/                       login 404 in  in  403 403
GET  /o/<org>/applications/<code>/deploy-script/                              login 404 in  in  in  403
POST /o/<org>/applications/<code>/deploy-script/                              login 404 in  in  403 403
GET  /o/<org>/applications/<code>/settings/                                   login 404 in  in  in  403
POST /o/<org>/applications/<code>/icon/                                       login 404 in  in  403 403
GET  /o/<org>/applications/<code>/icon/                                       login 405 405 405 405 405
GET  /o/<org>/projects/<code>/icon/                                           login 405 405 405 405 405
POST /o/<org>/projects/<code>/icon/                                           login 404 in  in  403 403
GET  /o/<org>/icons/<digest>.png                                              login 404 in  in  in  403
POST /o/<org>/icons/<digest>.png                                              login 405 405 405 405 405
POST /o/<org>/applications/<code>/settings/                                   login 404 in  in  403 403
GET  /o/<org>/applications/<code>/delete/                                     login 405 405 405 405 405
POST /o/<org>/applications/<code>/delete/                                     login 404 in  in  403 403
GET  /o/<org>/applications/<code>/configurations/                             login 404 in  in  in  403
POST /o/<org>/applications/<code>/configurations/                             login 405 405 405 405 405
GET  /o/<org>/applications/<code>/configurations/new/                         login 404 in  in  403 403
POST /o/<org>/applications/<code>/configurations/new/                         login 404 in  in  403 403
GET  /o/<org>/applications/<code>/configurations/<uid>/                       login 404 in  in  in  403
POST /o/<org>/applications/<code>/configurations/<uid>/                       login 404 in  in  403 403
GET  /o/<org>/applications/<code>/configurations/<uid>/delete/                login 404 in  in  403 403
POST /o/<org>/applications/<code>/configurations/<uid>/delete/                login 404 in  in  403 403
GET  /o/<org>/applications/<code>/steps/                                      login 404 in  in  in  403
POST /o/<org>/applications/<code>/steps/                                      login 405 405 405 405 405
GET  /o/<org>/applications/<code>/steps/order/                                login 405 405 405 405 405
POST /o/<org>/applications/<code>/steps/order/                                login 404 in  in  403 403
GET  /o/<org>/applications/<code>/steps/new/                                  login 404 in  in  403 403
POST /o/<org>/applications/<code>/steps/new/                                  login 404 in  in  403 403
GET  /o/<org>/applications/<code>/steps/<uid>/                                login 404 in  in  403 403
POST /o/<org>/applications/<code>/steps/<uid>/                                login 404 in  in  403 403
GET  /o/<org>/applications/<code>/steps/<uid>/delete/                         login 404 in  in  403 403
POST /o/<org>/applications/<code>/steps/<uid>/delete/                         login 404 in  in  403 403
GET  /o/<org>/                                                                login 404 in  in  in  403
POST /o/<org>/                                                                login 405 405 405 405 405
GET  /o/<org>/deployments/                                                    login 404 in  in  in  403
POST /o/<org>/deployments/                                                    login 405 405 405 405 405
GET  /o/<org>/deployments/<uid>/                                              login 404 in  in  in  403
POST /o/<org>/deployments/<uid>/                                              login 405 405 405 405 405
GET  /o/<org>/deployments/<uid>/cancel/                                       login 405 405 405 405 405
POST /o/<org>/deployments/<uid>/cancel/                                       login 404 in  in  403 403
GET  /o/<org>/deployments/<uid>/jobs/<job>/log                                login 404 in  in  in  403
POST /o/<org>/deployments/<uid>/jobs/<job>/log                                login 405 405 405 405 405
GET  /o/<org>/deployments/<uid>/jobs/<job>/log.txt                            login 404 in  in  in  403
POST /o/<org>/deployments/<uid>/jobs/<job>/log.txt                            login 405 405 405 405 405
GET  /o/<org>/projects/<code>/                                                login 404 in  in  in  403
POST /o/<org>/projects/<code>/                                                login 405 405 405 405 405
GET  /o/<org>/projects/<code>/deploy/                                         login 404 in  in  403 403
POST /o/<org>/projects/<code>/deploy/                                         login 404 in  in  403 403
GET  /o/<org>/applications/<code>/versions/new/                               login 404 in  in  403 403
POST /o/<org>/applications/<code>/versions/new/                               login 405 405 405 405 405
GET  /o/<org>/applications/<code>/versions/create/                            login 405 405 405 405 405
POST /o/<org>/applications/<code>/versions/create/                            login 404 in  in  403 403
GET  /o/<org>/applications/<code>/versions/<uid>/                             login 404 in  in  in  403
POST /o/<org>/applications/<code>/versions/<uid>/                             login 405 405 405 405 405
GET  /o/<org>/search/                                                         login 404 in  in  in  in
POST /o/<org>/search/                                                         login 405 405 405 405 405
"""

# The permission; then without a key, the key of another organization; keys that hold every
# permission, made by owner, manager, user, billing; a key that lacks the permission, one that has
# it alone.
API = """
POST   /api/externals/project/create          project.*.create                     401 in  in  in  403 403 403 in
POST   /api/externals/version/create          application.*.create_version         401 404 in  in  403 403 403 in
GET    /api/v1/environments                   environment.*.read                   401 in  in  in  in  403 403 in
POST   /api/v1/environments                   environment.*.write                  401 in  in  in  403 403 403 in
GET    /api/v1/events                         audit.*.read                         401 in  in  in  403 403 403 in
GET    /api/v1/events/export                  audit.*.read                         401 in  in  in  403 403 403 in
GET    /api/v1/events/head                    audit.*.read                         401 in  in  in  403 403 403 in
GET    /api/v1/events/<uid>                   audit.*.read                         401 404 in  in  403 403 403 in
PUT    /api/v1/environments/order             environment.*.write                  401 in  in  in  403 403 403 in
GET    /api/v1/environments/<uid>             environment.*.read                   401 404 in  in  in  403 403 in
PATCH  /api/v1/environments/<uid>             environment.*.write                  401 404 in  in  403 403 403 in
DELETE /api/v1/environments/<uid>             environment.*.write                  401 404 in  in  403 403 403 in
GET    /api/v1/invites                        invite.*.read                        401 in  in  in  403 403 403 in
POST   /api/v1/invites                        invite.*.write                       401 in  in  in  403 403 403 in
GET    /api/v1/invites/<uid>                  invite.*.read                        401 404 in  in  403 403 403 in
DELETE /api/v1/invites/<uid>                  invite.*.write                       401 404 in  in  403 403 403 in
GET    /api/v1/orgs                           organization.*.read                  401 in  in  in  in  in  403 in
GET    /api/v1/orgs/<slug>                    organization.*.read                  401 404 in  in  in  in  403 in
PATCH  /api/v1/orgs/<slug>                    organization.*.update                401 404 in  403 403 403 403 in
DELETE /api/v1/orgs/<slug>                    organization.*.delete                401 404 in  403 403 403 403 in
GET    /api/v1/orgs/<slug>/members            member.*.read                        401 404 in  in  in  403 403 in
PATCH  /api/v1/orgs/<slug>/members/<uid>      member.*.write                       401 404 in  in  403 403 403 in
DELETE /api/v1/orgs/<slug>/members/<uid>      member.*.write                       401 404 in  in  403 403 403 in
GET    /api/v1/agents                         agent.*.read                         401 in  in  in  in  403 403 in
POST   /api/v1/agents                         agent.*.write                        401 in  in  in  403 403 403 in
GET    /api/v1/applications                   application.*.read                   401 in  in  in  in  403 403 in
POST   /api/v1/applications                   application.*.create                 401 in  in  in  403 403 403 in
GET    /api/v1/applications/<uid>             application.*.read                   401 404 in  in  in  403 403 in
PATCH  /api/v1/applications/<uid>             application.*.update                 401 404 in  in  403 403 403 in
DELETE /api/v1/applications/<uid>             application.*.delete                 401 404 in  in  403 403 403 in
GET    /api/v1/applications/<uid>/configs     application.*.read                   401 404 in  in  in  403 403 in
POST   /api/v1/applications/<uid>/configs     application.*.update                 401 404 in  in  403 403 403 in
GET    /api/v1/applications/<uid>/steps       application.*.read                   401 404 in  in  in  403 403 in
POST   /api/v1/applications/<uid>/steps       application.*.update                 401 404 in  in  403 403 403 in
GET    /api/v1/projects/<uid>/rules           project.*.read_rule                  401 404 in  in  in  403 403 in
POST   /api/v1/projects/<uid>/rules           project.*.write_rule                 401 404 in  in  403 403 403 in
PUT    /api/v1/projects/<uid>/rules/order     project.*.write_rule                 401 404 in  in  403 403 403 in
GET    /api/v1/projects                       project.*.read                       401 in  in  in  in  403 403 in
POST   /api/v1/projects                       project.*.create                     401 in  in  in  403 403 403 in
GET    /api/v1/projects/<uid>                 project.*.read                       401 404 in  in  in  403 403 in
PATCH  /api/v1/projects/<uid>                 project.*.update                     401 404 in  in  403 403 403 in
DELETE /api/v1/projects/<uid>                 project.*.delete                     401 404 in  in  403 403 403 in
GET    /api/v1/projects/<uid>/deployments     project.*.read_deployment            401 404 in  in  in  403 403 in
POST   /api/v1/projects/<uid>/deployments     project.*.create_deployment          401 404 in  in  403 403 403 in
GET    /api/v1/deployments/<uid>              project.*.read_deployment            401 404 in  in  in  403 403 in
POST   /api/v1/deployments/<uid>/cancel       project.*.update_deployment          401 404 in  in  403 403 403 in
GET    /api/v1/deployments/<uid>/logs         project.*.read_deployment            401 404 in  in  in  403 403 in
GET    /api/v1/applications/<uid>/versions    application.*.read_version           401 404 in  in  in  403 403 in
POST   /api/v1/applications/<uid>/versions    application.*.create_version         401 404 in  in  403 403 403 in
GET    /api/v1/webhooks                       webhook.*.read                       401 in  in  in  403 403 403 in
POST   /api/v1/webhooks                       webhook.*.write                      401 in  in  in  403 403 403 in
GET    /api/v1/webhooks/<uid>/deliveries      webhook.*.read                       401 404 in  in  403 403 403 in
GET    /v1/health                             -                                    401 in  in  in  in  in  in  in
GET    /api/v1/api-keys                       api_key.*.read                       401 in  in  in  403 403 403 in
POST   /api/v1/api-keys                       api_key.*.write                      401 in  in  in  403 403 403 in
GET    /api/v1/api-keys/<uid>                 api_key.*.read                       401 404 in  in  403 403 403 in
POST   /api/v1/api-keys/<uid>/rotate          api_key.*.write                      401 404 in  in  403 403 403 in
POST   /api/v1/api-keys/<uid>/revoke          api_key.*.write                      401 404 in  in  403 403 403 in
GET    /api/v1/usage                          usage.*.read                         401 in  in  in  403 in  403 in
GET    /v1/usage                              usage.*.read                         401 in  in  in  403 in  403 in
POST   /v2/deploy.createDeployment            project.*.create_deployment+application.*.create_version 401 404 in  in  403 403 403 in
POST   /v2/deploy.getDeployment               project.*.read_deployment            401 404 in  in  in  403 403 in
"""

# The permission; then without a token, a key that holds every permission, a token of somebody else,
# one that lacks the permission, one that has it alone.
PERSONAL = """
GET    /api/v1/tokens                         token.*.read                         401 403 in  403 in
POST   /api/v1/tokens                         token.*.write                        401 403 in  403 in
GET    /api/v1/tokens/<uid>                   token.*.read                         401 403 404 403 in
POST   /api/v1/tokens/<uid>/rotate            token.*.write                        401 403 404 403 in
POST   /api/v1/tokens/<uid>/revoke            token.*.write                        401 403 404 403 in
"""

# without a key, a key of no agent, another organization's agent, the agent
AGENT = """
GET  /agent/v1/hello                                                          405 405 405 405
POST /agent/v1/hello                                                          401 401 in  in
GET  /agent/v1/heartbeat                                                      405 405 405 405
POST /agent/v1/heartbeat                                                      401 401 in  in
GET  /agent/v1/jobs/<job>/start                                               405 405 405 405
POST /agent/v1/jobs/<job>/start                                               401 401 in  in
GET  /agent/v1/jobs/<job>/report                                              405 405 405 405
POST /agent/v1/jobs/<job>/report                                              401 401 in  in
GET  /agent/v1/jobs/<job>/log                                                 405 405 405 405
POST /agent/v1/jobs/<job>/log                                                 405 405 405 405
GET  /agent/v1/jobs/<job>/finish                                              405 405 405 405
POST /agent/v1/jobs/<job>/finish                                              401 401 in  in
"""
