"""The rows of the access matrix: who gets what at every route. `tests/test_access.py` tries each.

`in` means let in: done, or answered by what stands behind the gate, such as a form with mistakes or
a rule that refuses. `login` is the way to the sign-in page. A number is that status.
"""

# ruff: noqa: E501  # a row is a line

# anonymous, a stranger, owner, manager, user, billing
PAGES = """
GET  /api/schema/                                                                 in    in  in  in  in  in
POST /api/schema/                                                                 405   405 405 405 405 405
GET  /api/docs/                                                                   in    in  in  in  in  in
POST /api/docs/                                                                   405   405 405 405 405 405
GET  /healthz                                                                     in    in  in  in  in  in
POST /healthz                                                                     405   405 405 405 405 405
GET  /readyz                                                                      in    in  in  in  in  in
POST /readyz                                                                      405   405 405 405 405 405
GET  /metrics                                                                     in    in  in  in  in  in
POST /metrics                                                                     405   405 405 405 405 405
GET  /account/signup/                                                             in    in  in  in  in  in
POST /account/signup/                                                             in    in  in  in  in  in
GET  /account/login/                                                              in    in  in  in  in  in
POST /account/login/                                                              in    in  in  in  in  in
GET  /account/logout/                                                             in    in  in  in  in  in
POST /account/logout/                                                             in    in  in  in  in  in
GET  /account/inactive/                                                           in    in  in  in  in  in
POST /account/inactive/                                                           405   405 405 405 405 405
GET  /account/password/                                                           in    in  in  in  in  in
POST /account/password/                                                           in    in  in  in  in  in
GET  /account/password/sent/                                                      in    in  in  in  in  in
POST /account/password/sent/                                                      405   405 405 405 405 405
GET  /account/password/changed/                                                   in    in  in  in  in  in
POST /account/password/changed/                                                   405   405 405 405 405 405
GET  /account/password/<slug:uidb36>/<str:key>/                                   in    in  in  in  in  in
POST /account/password/<slug:uidb36>/<str:key>/                                   in    in  in  in  in  in
GET  /                                                                          login in  in  in  in  in
POST /                                                                          login 405 405 405 405 405
GET  /account/                                                                    login in  in  in  in  in
POST /account/                                                                    login 405 405 405 405 405
GET  /account/join/                                                               login 405 405 405 405 405
POST /account/join/                                                               login in  in  in  in  in
GET  /account/organizations/                                                      login 405 405 405 405 405
POST /account/organizations/                                                      login in  in  in  in  in
GET  /o/<slug:org>/enter/                                                         login 404 in  in  in  in
POST /o/<slug:org>/enter/                                                         login 405 405 405 405 405
GET  /o/<slug:org>/settings/users/                                                login 404 in  in  in  403
POST /o/<slug:org>/settings/users/                                                login 405 405 405 405 405
GET  /o/<slug:org>/settings/invites/                                              login 404 in  in  403 403
POST /o/<slug:org>/settings/invites/                                              login 405 405 405 405 405
GET  /o/<slug:org>/settings/invites/new/                                          login 404 in  in  403 403
POST /o/<slug:org>/settings/invites/new/                                          login 404 in  in  403 403
GET  /o/<slug:org>/settings/invites/<slug:uid>/revoke/                            login 404 in  in  403 403
POST /o/<slug:org>/settings/invites/<slug:uid>/revoke/                            login 404 in  in  403 403
GET  /o/<slug:org>/settings/environments/                                         login 404 in  in  in  403
POST /o/<slug:org>/settings/environments/                                         login 405 405 405 405 405
GET  /o/<slug:org>/settings/environments/new/                                     login 404 in  in  403 403
POST /o/<slug:org>/settings/environments/new/                                     login 404 in  in  403 403
GET  /o/<slug:org>/settings/environments/order/                                   login 405 405 405 405 405
POST /o/<slug:org>/settings/environments/order/                                   login 404 in  in  403 403
GET  /o/<slug:org>/settings/environments/<slug:uid>/rename/                       login 404 in  in  403 403
POST /o/<slug:org>/settings/environments/<slug:uid>/rename/                       login 404 in  in  403 403
GET  /o/<slug:org>/settings/environments/<slug:uid>/delete/                       login 404 in  in  403 403
POST /o/<slug:org>/settings/environments/<slug:uid>/delete/                       login 404 in  in  403 403
GET  /o/<slug:org>/settings/api-keys/                                             login 404 in  in  403 403
POST /o/<slug:org>/settings/api-keys/                                             login 405 405 405 405 405
GET  /o/<slug:org>/settings/api-keys/new/                                         login 404 in  in  403 403
POST /o/<slug:org>/settings/api-keys/new/                                         login 404 in  in  403 403
GET  /o/<slug:org>/settings/api-keys/<slug:uid>/revoke/                           login 404 in  in  403 403
POST /o/<slug:org>/settings/api-keys/<slug:uid>/revoke/                           login 404 in  in  403 403
GET  /agent/hydra-agent.pyz                                                       in    in  in  in  in  in
POST /agent/hydra-agent.pyz                                                       405   405 405 405 405 405
GET  /agent/hydra-agent.pyz.sha256                                                in    in  in  in  in  in
POST /agent/hydra-agent.pyz.sha256                                                405   405 405 405 405 405
GET  /o/<slug:org>/agents/                                                        login 404 in  in  in  403
POST /o/<slug:org>/agents/                                                        login 405 405 405 405 405
GET  /o/<slug:org>/agents/new/                                                    login 404 in  in  403 403
POST /o/<slug:org>/agents/new/                                                    login 404 in  in  403 403
GET  /o/<slug:org>/agents/<slug:uid>/revoke/                                      login 404 in  in  403 403
POST /o/<slug:org>/agents/<slug:uid>/revoke/                                      login 404 in  in  403 403
GET  /o/<slug:org>/projects/                                                      login 404 in  in  in  403
POST /o/<slug:org>/projects/                                                      login 405 405 405 405 405
GET  /o/<slug:org>/projects/new/                                                  login 404 in  in  403 403
POST /o/<slug:org>/projects/new/                                                  login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/settings/                                  login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/settings/                                  login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/delete/                                    login 405 405 405 405 405
POST /o/<slug:org>/projects/<str:code>/delete/                                    login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/applications/                              login 405 405 405 405 405
POST /o/<slug:org>/projects/<str:code>/applications/                              login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/applications/<str:application>/disconnect/ login 404 in  in  403 403
POST /o/<slug:org>/projects/<str:code>/applications/<str:application>/disconnect/ login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/environments/                              login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/environments/                              login 405 405 405 405 405
GET  /o/<slug:org>/projects/<str:code>/environments/add/                          login 405 405 405 405 405
POST /o/<slug:org>/projects/<str:code>/environments/add/                          login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/environments/<slug:slug>/                  login 404 in  in  403 403
POST /o/<slug:org>/projects/<str:code>/environments/<slug:slug>/                  login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/environments/<slug:slug>/remove/           login 404 in  in  403 403
POST /o/<slug:org>/projects/<str:code>/environments/<slug:slug>/remove/           login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/agents/                                    login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/agents/                                    login 405 405 405 405 405
GET  /o/<slug:org>/projects/<str:code>/agents/link/                               login 405 405 405 405 405
POST /o/<slug:org>/projects/<str:code>/agents/link/                               login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/agents/unlink/                             login 405 405 405 405 405
POST /o/<slug:org>/projects/<str:code>/agents/unlink/                             login 404 404 404 403 403
GET  /o/<slug:org>/projects/<str:code>/configurations/                            login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/configurations/                            login 405 405 405 405 405
GET  /o/<slug:org>/projects/<str:code>/configurations/<str:file>/<slug:slug>/     login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/configurations/<str:file>/<slug:slug>/     login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/configurations/<str:file>/<slug:slug>/remove/ login 405 405 405 405 405
POST /o/<slug:org>/projects/<str:code>/configurations/<str:file>/<slug:slug>/remove/ login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/variables/                                 login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/variables/                                 login 405 405 405 405 405
GET  /o/<slug:org>/projects/<str:code>/variables/add/                             login 405 405 405 405 405
POST /o/<slug:org>/projects/<str:code>/variables/add/                             login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/variables/<str:uid>/                       login 404 in  in  403 403
POST /o/<slug:org>/projects/<str:code>/variables/<str:uid>/                       login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/variables/<str:uid>/delete/                login 404 in  in  403 403
POST /o/<slug:org>/projects/<str:code>/variables/<str:uid>/delete/                login 404 in  in  403 403
GET  /o/<slug:org>/projects/<str:code>/rules/                                     login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/rules/                                     login 405 405 405 405 405
GET  /o/<slug:org>/projects/<str:code>/rules/new/                                 login 404 in  in  403 403
POST /o/<slug:org>/projects/<str:code>/rules/new/                                 login 404 in  in  403 403
GET  /o/<slug:org>/rules/                                                         login 404 in  in  in  403
POST /o/<slug:org>/rules/                                                         login 405 405 405 405 405
GET  /o/<slug:org>/rules/simulate/                                                login 404 in  in  in  403
POST /o/<slug:org>/rules/simulate/                                                login 405 405 405 405 405
GET  /o/<slug:org>/rules/<str:uid>/                                               login 404 in  in  403 403
POST /o/<slug:org>/rules/<str:uid>/                                               login 404 in  in  403 403
GET  /o/<slug:org>/rules/<str:uid>/switch/                                        login 405 405 405 405 405
POST /o/<slug:org>/rules/<str:uid>/switch/                                        login 404 in  in  403 403
GET  /o/<slug:org>/rules/<str:uid>/delete/                                        login 404 in  in  403 403
POST /o/<slug:org>/rules/<str:uid>/delete/                                        login 404 in  in  403 403
GET  /o/<slug:org>/applications/                                                  login 404 in  in  in  403
POST /o/<slug:org>/applications/                                                  login 405 405 405 405 405
GET  /o/<slug:org>/applications/new/                                              login 404 in  in  403 403
POST /o/<slug:org>/applications/new/                                              login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/                                       login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/                                       login 405 405 405 405 405
GET  /o/<slug:org>/applications/<str:code>/versions/                              login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/versions/                              login 405 405 405 405 405
GET  /o/<slug:org>/applications/<str:code>/versions/<str:uid>/block/              login 404 in  in  403 403
POST /o/<slug:org>/applications/<str:code>/versions/<str:uid>/block/              login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/deploy-script/                         login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/deploy-script/                         login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/settings/                              login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/settings/                              login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/delete/                                login 405 405 405 405 405
POST /o/<slug:org>/applications/<str:code>/delete/                                login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/configurations/                        login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/configurations/                        login 405 405 405 405 405
GET  /o/<slug:org>/applications/<str:code>/configurations/new/                    login 404 in  in  403 403
POST /o/<slug:org>/applications/<str:code>/configurations/new/                    login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/configurations/<str:uid>/              login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/configurations/<str:uid>/              login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/configurations/<str:uid>/delete/       login 404 in  in  403 403
POST /o/<slug:org>/applications/<str:code>/configurations/<str:uid>/delete/       login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/steps/                                 login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/steps/                                 login 405 405 405 405 405
GET  /o/<slug:org>/applications/<str:code>/steps/order/                           login 405 405 405 405 405
POST /o/<slug:org>/applications/<str:code>/steps/order/                           login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/steps/new/                             login 404 in  in  403 403
POST /o/<slug:org>/applications/<str:code>/steps/new/                             login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/steps/<str:uid>/                       login 404 in  in  403 403
POST /o/<slug:org>/applications/<str:code>/steps/<str:uid>/                       login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/steps/<str:uid>/delete/                login 404 in  in  403 403
POST /o/<slug:org>/applications/<str:code>/steps/<str:uid>/delete/                login 404 in  in  403 403
GET  /o/<slug:org>/                                                               login 404 in  in  in  403
POST /o/<slug:org>/                                                               login 405 405 405 405 405
GET  /o/<slug:org>/deployments/                                                   login 404 in  in  in  403
POST /o/<slug:org>/deployments/                                                   login 405 405 405 405 405
GET  /o/<slug:org>/deployments/<str:uid>/                                         login 404 in  in  in  403
POST /o/<slug:org>/deployments/<str:uid>/                                         login 405 405 405 405 405
GET  /o/<slug:org>/deployments/<str:uid>/cancel/                                  login 405 405 405 405 405
POST /o/<slug:org>/deployments/<str:uid>/cancel/                                  login 404 in  in  403 403
GET  /o/<slug:org>/deployments/<str:uid>/jobs/<str:job>/log                       login 404 in  in  in  403
POST /o/<slug:org>/deployments/<str:uid>/jobs/<str:job>/log                       login 405 405 405 405 405
GET  /o/<slug:org>/deployments/<str:uid>/jobs/<str:job>/log.txt                   login 404 in  in  in  403
POST /o/<slug:org>/deployments/<str:uid>/jobs/<str:job>/log.txt                   login 405 405 405 405 405
GET  /o/<slug:org>/projects/<str:code>/                                           login 404 in  in  in  403
POST /o/<slug:org>/projects/<str:code>/                                           login 405 405 405 405 405
GET  /o/<slug:org>/projects/<str:code>/deploy/                                    login 404 in  in  403 403
POST /o/<slug:org>/projects/<str:code>/deploy/                                    login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/versions/new/                          login 404 in  in  403 403
POST /o/<slug:org>/applications/<str:code>/versions/new/                          login 405 405 405 405 405
GET  /o/<slug:org>/applications/<str:code>/versions/create/                       login 405 405 405 405 405
POST /o/<slug:org>/applications/<str:code>/versions/create/                       login 404 in  in  403 403
GET  /o/<slug:org>/applications/<str:code>/versions/<str:uid>/                    login 404 in  in  in  403
POST /o/<slug:org>/applications/<str:code>/versions/<str:uid>/                    login 405 405 405 405 405
GET  /o/<slug:org>/search/                                                        login 404 in  in  in  in
POST /o/<slug:org>/search/                                                        login 405 405 405 405 405
"""

# The permission; then without a key, the key of another organization; keys that hold every
# permission, made by owner, manager, user, billing; a key that lacks the permission, one that has
# it alone.
API = """
POST   /api/externals/project/create              project.*.create                     401 in  in  in  403 403 403 in
POST   /api/externals/version/create              application.*.create_version         401 404 in  in  403 403 403 in
GET    /api/v1/environments                       environment.*.read                   401 in  in  in  in  403 403 in
POST   /api/v1/environments                       environment.*.write                  401 in  in  in  403 403 403 in
GET    /api/v1/orgs                               organization.*.read                  401 in  in  in  in  in  403 in
GET    /api/v1/orgs/<str:slug>                    organization.*.read                  401 404 in  in  in  in  403 in
GET    /api/v1/orgs/<str:slug>/members            member.*.read                        401 404 in  in  in  403 403 in
GET    /api/v1/agents                             agent.*.read                         401 in  in  in  in  403 403 in
POST   /api/v1/agents                             agent.*.write                        401 in  in  in  403 403 403 in
GET    /api/v1/applications                       application.*.read                   401 in  in  in  in  403 403 in
POST   /api/v1/applications                       application.*.create                 401 in  in  in  403 403 403 in
GET    /api/v1/applications/<str:uid>             application.*.read                   401 404 in  in  in  403 403 in
PATCH  /api/v1/applications/<str:uid>             application.*.update                 401 404 in  in  403 403 403 in
DELETE /api/v1/applications/<str:uid>             application.*.delete                 401 404 in  in  403 403 403 in
GET    /api/v1/applications/<str:uid>/configs     application.*.read                   401 404 in  in  in  403 403 in
POST   /api/v1/applications/<str:uid>/configs     application.*.update                 401 404 in  in  403 403 403 in
GET    /api/v1/applications/<str:uid>/steps       application.*.read                   401 404 in  in  in  403 403 in
POST   /api/v1/applications/<str:uid>/steps       application.*.update                 401 404 in  in  403 403 403 in
GET    /api/v1/projects/<str:uid>/rules           project.*.read_rule                  401 404 in  in  in  403 403 in
POST   /api/v1/projects/<str:uid>/rules           project.*.write_rule                 401 404 in  in  403 403 403 in
GET    /api/v1/projects                           project.*.read                       401 in  in  in  in  403 403 in
POST   /api/v1/projects                           project.*.create                     401 in  in  in  403 403 403 in
GET    /api/v1/projects/<str:uid>                 project.*.read                       401 404 in  in  in  403 403 in
PATCH  /api/v1/projects/<str:uid>                 project.*.update                     401 404 in  in  403 403 403 in
DELETE /api/v1/projects/<str:uid>                 project.*.delete                     401 404 in  in  403 403 403 in
GET    /api/v1/projects/<str:uid>/deployments     project.*.read_deployment            401 404 in  in  in  403 403 in
POST   /api/v1/projects/<str:uid>/deployments     project.*.create_deployment          401 404 in  in  403 403 403 in
GET    /api/v1/deployments/<str:uid>              project.*.read_deployment            401 404 in  in  in  403 403 in
POST   /api/v1/deployments/<str:uid>/cancel       project.*.update_deployment          401 404 in  in  403 403 403 in
GET    /api/v1/deployments/<str:uid>/logs         project.*.read_deployment            401 404 in  in  in  403 403 in
GET    /api/v1/applications/<str:uid>/versions    application.*.read_version           401 404 in  in  in  403 403 in
POST   /api/v1/applications/<str:uid>/versions    application.*.create_version         401 404 in  in  403 403 403 in
GET    /api/v1/webhooks                           webhook.*.read                       401 in  in  in  403 403 403 in
POST   /api/v1/webhooks                           webhook.*.write                      401 in  in  in  403 403 403 in
GET    /api/v1/webhooks/<str:uid>/deliveries      webhook.*.read                       401 404 in  in  403 403 403 in
GET    /v1/health                                 -                                    401 in  in  in  in  in  in  in
GET    /v1/usage                                  usage.*.read                         401 in  in  in  in  in  403 in
POST   /v2/deploy.createDeployment                project.*.create_deployment+application.*.create_version 401 404 in  in  403 403 403 in
POST   /v2/deploy.getDeployment                   project.*.read_deployment            401 404 in  in  in  403 403 in
"""

# without a key, a key of no agent, another organization's agent, the agent
AGENT = """
GET  /agent/v1/hello                                                              405   405 405 405
POST /agent/v1/hello                                                              401   401 in  in
GET  /agent/v1/heartbeat                                                          405   405 405 405
POST /agent/v1/heartbeat                                                          401   401 in  in
GET  /agent/v1/jobs/<str:job>/start                                               405   405 405 405
POST /agent/v1/jobs/<str:job>/start                                               401   401 in  in
GET  /agent/v1/jobs/<str:job>/report                                              405   405 405 405
POST /agent/v1/jobs/<str:job>/report                                              401   401 in  in
GET  /agent/v1/jobs/<str:job>/log                                                 405   405 405 405
POST /agent/v1/jobs/<str:job>/log                                                 405   405 405 405
GET  /agent/v1/jobs/<str:job>/finish                                              405   405 405 405
POST /agent/v1/jobs/<str:job>/finish                                              401   401 in  in
"""
