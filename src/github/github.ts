// The one place that talks to GitHub. Hides its API, its limits, and what a token may not do.
export { type Annotation, type Check, publishCheck } from './check.ts'
export { type GitHub, type GitHubOptions, openGitHub } from './client.ts'
export { type KeptComment, keepComment } from './comment.ts'
export { type StageState, type StageStatus, keepCommitStatus, keepDeployment } from './deployment.ts'
export { type Event, type PullRequest, type Repository, readEvent } from './event.ts'
export { type Published, tryToPublish } from './publish.ts'
export { endedRuns, runLink, runPage } from './run.ts'
export { type PlanReview, digestMark, planReview, reviewedDigest } from './review.ts'
